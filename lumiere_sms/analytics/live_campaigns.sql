-- What is on its way for one tenant: its occurrences that are not over, what waits, what flies, what is in doubt, and
-- how many texts were taken in the last minute. Counts come from the partial indexes of live recipients.
SELECT campaign.name, campaign.status, campaign.status_reason, campaign.status_by, campaign.priority, campaign.timezone,
    occurrence.occurs_at, occurrence.status AS occurrence_status, occurrence.definition, occurrence.send_rate_per_minute,
    occurrence.phase, occurrence.advance_at,
    coalesce(occurrence.audience_size, 0) - coalesce(
        (SELECT sum(value::integer) FROM jsonb_each_text(occurrence.exclusions)), 0) AS recipients,
    (SELECT count(*) FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
          AND recipient.status = 'pending') AS pending,
    (SELECT count(*) FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
          AND recipient.status IN ('claimed', 'submitting') AND recipient.claimed_until IS NOT NULL) AS in_flight,
    (SELECT count(*) FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
          AND recipient.status = 'unknown') AS unknown,
    (SELECT min(recipient.send_after) FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
          AND recipient.status = 'pending') AS next_send_after,
    (SELECT count(*) FROM submissions
        WHERE submissions.user_id = %(user_id)s AND submissions.occurrence_id = occurrence.id
          AND submissions.outcome IS DISTINCT FROM 'unavailable'
          AND submissions.started_at > coalesce(%(now)s::timestamptz, now()) - interval '1 minute') AS last_minute,
    coalesce(%(now)s::timestamptz, now()) AS now
FROM sms_campaigns AS campaign
JOIN campaign_occurrences AS occurrence
    ON occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
WHERE campaign.user_id = %(user_id)s AND campaign.status IN ('scheduled', 'running', 'paused')
  AND campaign.archived_at IS NULL AND occurrence.status IN ('scheduled', 'running')
ORDER BY occurrence.occurs_at, campaign.name

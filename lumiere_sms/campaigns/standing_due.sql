-- cross-tenant: the open days of standing campaigns in which there is something to do: the campaign was edited, a look for
-- people is due, or somebody's next step is. Takes no locks.
-- The sub-select ends at the first entry of an index, by whose order it asks: however many are due, none are read.
SELECT occurrence.user_id, occurrence.id AS occurrence_id, occurrence.campaign_id, campaign.name,
    campaign.revision <> occurrence.revision AS is_edited,
    coalesce(occurrence.advance_at <= coalesce(%(now)s::timestamptz, now()), true) AS is_look_due
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = occurrence.user_id AND campaign.id = occurrence.campaign_id
WHERE occurrence.status = 'running' AND occurrence.open_until > coalesce(%(now)s::timestamptz, now())
  AND campaign.status = 'running' AND campaign.type IN ('drip', 'reminder')
  AND (campaign.revision <> occurrence.revision
      OR coalesce(occurrence.advance_at <= coalesce(%(now)s::timestamptz, now()), true)
      OR (SELECT true FROM enrolments
          WHERE enrolments.user_id = occurrence.user_id AND enrolments.campaign_id = occurrence.campaign_id
            AND enrolments.left_at IS NULL AND enrolments.next_at <= coalesce(%(now)s::timestamptz, now())
          ORDER BY enrolments.next_at LIMIT 1))
ORDER BY occurrence.occurs_at, occurrence.id

-- The texts of one tenant that are in doubt, the oldest first: who, since when, and what was looked at so far. The
-- recipients come from their partial index and their last attempts one by one: there are few of them among many.
SELECT campaign.name AS campaign, recipient.id, recipient.phone_number AS phone, attempt.provider, attempt.started_at,
    attempt.looks, attempt.finding
FROM campaign_recipients AS recipient
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
CROSS JOIN LATERAL (
    SELECT submissions.provider, submissions.started_at, submissions.looks,
        coalesce(submissions.finding, submissions.detail, 'the answer was lost') AS finding
    FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = recipient.phone_number
      AND submissions.recipient_id = recipient.id
    ORDER BY submissions.started_at DESC
    LIMIT 1
) AS attempt
WHERE recipient.user_id = %(user_id)s AND recipient.status = 'unknown' AND campaign.status <> 'cancelled'
  AND campaign.archived_at IS NULL
ORDER BY attempt.started_at, recipient.id
LIMIT %(most)s

-- Leases that are over: claimed -> pending (nothing was on the wire), submitting -> unknown (something may have been).
WITH over AS MATERIALIZED (
    SELECT id, phone_number, status FROM campaign_recipients
    WHERE user_id = %(user_id)s AND status IN ('claimed', 'submitting')
      AND claimed_until < coalesce(%(now)s::timestamptz, now())
    ORDER BY claimed_until
    LIMIT 1000
    FOR NO KEY UPDATE SKIP LOCKED
), doubtful AS (
    UPDATE submissions SET outcome = 'unknown', detail = 'the daemon was lost before the answer was recorded',
        settled_at = coalesce(%(now)s::timestamptz, now())
    FROM over
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = over.phone_number -- the index that there is
      AND submissions.recipient_id = over.id AND over.status = 'submitting'
      AND submissions.outcome IS NULL
)
UPDATE campaign_recipients AS recipient
SET status = CASE over.status WHEN 'claimed' THEN 'pending' ELSE 'unknown' END,
    reason = CASE over.status WHEN 'claimed' THEN recipient.reason ELSE 'lease_ended' END,
    claimed_by = NULL, claimed_until = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
FROM over
WHERE recipient.user_id = %(user_id)s AND recipient.id = over.id AND recipient.status = over.status
RETURNING recipient.status

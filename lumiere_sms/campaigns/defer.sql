-- A window closed before all could go: what is due in that zone, of people who prefer the same hours, and of that step where
-- steps have windows of their own, waits until `opens_at`. pending -> pending.
WITH closed AS MATERIALIZED (
    SELECT id FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s AND status = 'pending'
      AND timezone = %(timezone)s AND preferred_time IS NOT DISTINCT FROM %(preferred_time)s::text
      AND (%(step)s::text IS NULL OR split_part(step, '/', 1) = %(step)s::text)
      AND send_after <= %(now)s
    ORDER BY send_after, id
    LIMIT 10000
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaign_recipients AS recipient
SET send_after = %(opens_at)s, updated_at = %(now)s
FROM closed
WHERE recipient.user_id = %(user_id)s AND recipient.id = closed.id
RETURNING recipient.id

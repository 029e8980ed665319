-- A window closed before all could go: what is due in that zone waits until `opens_at`. pending -> pending.
WITH closed AS MATERIALIZED (
    SELECT id FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s AND status = 'pending'
      AND timezone = %(timezone)s AND send_after <= %(now)s
    ORDER BY send_after, id
    LIMIT 10000
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaign_recipients AS recipient
SET send_after = %(opens_at)s, updated_at = %(now)s
FROM closed
WHERE recipient.user_id = %(user_id)s AND recipient.id = closed.id
RETURNING recipient.id

-- Recipients whose last window has ended: pending -> expired. Looks at the front of one occurrence's queue.
WITH ended AS MATERIALIZED (
    SELECT id FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s AND status = 'pending'
      AND expires_at <= %(usable_until)s
    ORDER BY send_after, id
    LIMIT 10000
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaign_recipients AS recipient
SET status = 'expired', reason = 'window_ended', updated_at = coalesce(%(now)s::timestamptz, now())
FROM ended
WHERE recipient.user_id = %(user_id)s AND recipient.id = ended.id
RETURNING recipient.id

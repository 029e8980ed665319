-- Lease up to `limit` due recipients of one occurrence, as many as the parts in two buckets allow: the sender's (`room`,
-- `burst`) and the campaign's. A text goes whole where its parts are there, or a full burst is: only a text that is
-- larger than the burst leaves a debt. pending -> claimed, in the order of campaign_recipients_due_idx, beyond the
-- cursor (after, after_id). What expires before `usable_until` is left to expire.sql.
-- Returns what is claimed, beside `due`, how many were looked at; at least one row.
WITH due AS MATERIALIZED (
    SELECT id, send_after, segments_used
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s AND status = 'pending'
      AND send_after <= %(now)s AND expires_at > %(usable_until)s
      AND (send_after, id) > (%(after)s, %(after_id)s)
    ORDER BY send_after, id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), summed AS (
    SELECT id, segments_used, sum(segments_used) OVER (ORDER BY send_after, id) - segments_used AS before FROM due
), fitting AS (
    SELECT id FROM summed
    WHERE before + least(segments_used, %(burst)s) <= %(room)s
      AND before + least(segments_used, %(campaign_burst)s) <= %(campaign_room)s
), claimed AS (
    UPDATE campaign_recipients AS recipient
    SET status = 'claimed', claimed_by = %(daemon)s, claimed_until = %(lease_until)s, fence = recipient.fence + 1
    FROM fitting
    WHERE recipient.user_id = %(user_id)s AND recipient.id = fitting.id
    RETURNING recipient.id, recipient.phone_number, recipient.personalized_content, recipient.segments_used,
        recipient.timezone, recipient.send_after, recipient.expires_at, recipient.fence, recipient.retry_count
)
SELECT looked.due, claimed.*
FROM (SELECT count(*) AS due FROM due) AS looked
LEFT JOIN claimed ON true

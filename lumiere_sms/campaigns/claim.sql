-- Lease up to `limit` due recipients of one occurrence, as many as every scope of pace has room for: `rooms` in parts, and
-- `bursts` beside them. A text goes whole where its parts are there, or a full burst is: only a text that is larger than
-- the burst leaves a debt. pending -> claimed, in the order of campaign_recipients_due_idx, beyond the
-- cursor (after, after_id), of the phones in a share: `share_width` of the 10,000 points of a hash from `share_low` on,
-- and of the calling codes named, or of all others. What expires before `usable_until` is left to expire.sql.
-- Returns what is claimed, beside `due`, how many were looked at; at least one row.
WITH due AS MATERIALIZED (
    SELECT id, send_after, segments_used
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s AND status = 'pending'
      AND send_after <= %(now)s AND expires_at > %(usable_until)s
      AND (send_after, id) > (%(after)s, %(after_id)s)
      AND (%(share_width)s = 10000 OR mod(
          ('x' || left(md5(phone_number), 8))::bit(32)::bigint + 10000 - %(share_low)s, 10000) < %(share_width)s)
      AND (%(share_codes)s::text[] = '{}' OR %(share_excludes)s <> (
          ARRAY[substr(phone_number, 2, 1), substr(phone_number, 2, 2), substr(phone_number, 2, 3)]
          && %(share_codes)s::text[]))
    ORDER BY send_after, id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), summed AS (
    SELECT id, segments_used, sum(segments_used) OVER (ORDER BY send_after, id) - segments_used AS before FROM due
), fitting AS (
    SELECT id FROM summed
    WHERE NOT EXISTS (
        SELECT FROM unnest(%(rooms)s::integer[], %(bursts)s::integer[]) AS scope (room, burst)
        WHERE summed.before + least(summed.segments_used, scope.burst) > scope.room)
), claimed AS (
    UPDATE campaign_recipients AS recipient
    SET status = 'claimed', claimed_by = %(daemon)s, claimed_until = %(lease_until)s, fence = recipient.fence + 1
    FROM fitting
    WHERE recipient.user_id = %(user_id)s AND recipient.id = fitting.id
    RETURNING recipient.id, recipient.phone_number, recipient.personalized_content, recipient.segments_used,
        recipient.timezone, recipient.preferred_time, recipient.step, recipient.send_after, recipient.expires_at,
        recipient.fence, recipient.retry_count
)
SELECT looked.due, claimed.*
FROM (SELECT count(*) AS due FROM due) AS looked
LEFT JOIN claimed ON true

-- Let refusals by an answer or a link count from when they were said last, and those of whoever has refused by them: a START
-- from before that lifts nothing. One that a list tells of is the list's from then on, which no START lifts. Their keys, each
-- with whom it concerns.
WITH again AS (
    UPDATE suppressions
    SET created_at = asked.at, source = CASE asked.source WHEN 'import' THEN 'import' ELSE suppressions.source END
    FROM (
        SELECT listed.phone_number, listed.source, coalesce(listed.at, %(now)s::timestamptz, now()) AS at
        FROM unnest(%(phones)s::text[], %(reasons)s::text[], %(sources)s::text[], %(ats)s::timestamptz[])
            AS listed (phone_number, reason, source, at)
        WHERE listed.reason = 'opted_out' AND listed.source <> 'operator' -- whose word outranks them anyway
    ) AS asked
    WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = asked.phone_number
      AND suppressions.reason = 'opted_out' AND suppressions.source IN ('reply', 'link')
      AND suppressions.created_at < asked.at
    RETURNING suppressions.id, suppressions.phone_number, suppressions.created_at
), moved AS (
    UPDATE customers SET opt_out_date = again.created_at
    FROM again
    JOIN suppressions AS before ON before.user_id = %(user_id)s AND before.id = again.id -- as it was until now
    WHERE customers.user_id = %(user_id)s AND customers.id = ANY (%(owners)s::uuid[])
      AND customers.phone_number = again.phone_number
      AND customers.opt_out_date = before.created_at
    RETURNING customers.id, customers.phone_number
)
SELECT again.id, again.phone_number, moved.id AS customer_id
FROM again
LEFT JOIN moved ON moved.phone_number = again.phone_number
ORDER BY again.phone_number, moved.id

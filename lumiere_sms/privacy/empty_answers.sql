-- Empty the oldest answers, but for those that a person has still to look at.
WITH old AS MATERIALIZED (
    SELECT id FROM inbound_messages
    WHERE user_id = %(user_id)s AND received_at < %(before)s AND body <> ''
      AND (meaning <> 'review' OR decided_at IS NOT NULL)
    ORDER BY received_at, id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE inbound_messages AS answer SET body = ''
FROM old
WHERE answer.user_id = %(user_id)s AND answer.id = old.id

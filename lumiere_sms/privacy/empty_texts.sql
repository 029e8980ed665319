-- Empty the next texts of a run, in the order of the numbers, by which its rows are found; held in that of the keys, as
-- everybody holds them. Returns the last of them and how many were emptied; nothing where none is left.
WITH next AS MATERIALIZED (
    SELECT id, phone_number, step FROM campaign_recipients
    WHERE user_id = %(user_id)s AND occurrence_id = %(occurrence_id)s
      AND (phone_number, step) > (%(after_phone)s, %(after_step)s)
    ORDER BY phone_number, step
    LIMIT %(limit)s
), old AS MATERIALIZED (
    SELECT recipient.id FROM campaign_recipients AS recipient
    JOIN next ON next.id = recipient.id
    WHERE recipient.user_id = %(user_id)s
      AND (recipient.personalized_content <> '' OR recipient.error_message IS NOT NULL)
    ORDER BY recipient.id
    FOR NO KEY UPDATE OF recipient
), emptied AS (
    UPDATE campaign_recipients AS recipient SET personalized_content = '', error_message = NULL
    FROM old
    WHERE recipient.user_id = %(user_id)s AND recipient.id = old.id
    RETURNING recipient.id
)
SELECT next.phone_number, next.step, (SELECT count(*) FROM emptied) AS emptied
FROM next
ORDER BY next.phone_number DESC, next.step DESC
LIMIT 1

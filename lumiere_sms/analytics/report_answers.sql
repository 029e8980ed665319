-- How many people answered the texts of some occurrences: those who refused, and those who said anything but that or that
-- they take it back.
-- Who was erased has another stand-in for the number in each text, and one id in all of them.
SELECT count(DISTINCT person) FILTER (WHERE meaning = 'stop') AS stopped,
    count(DISTINCT person) FILTER (WHERE meaning NOT IN ('stop', 'start')) AS others
FROM (
    SELECT meaning,
        coalesce(CASE WHEN starts_with(phone_number, 'erased:') THEN customer_id::text END, phone_number) AS person
    FROM inbound_messages
    WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[])
) AS answers

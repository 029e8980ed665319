-- How many people answered the texts of some occurrences: those who refused, and those who said anything else.
SELECT count(DISTINCT phone_number) FILTER (WHERE meaning = 'stop') AS stopped,
    count(DISTINCT phone_number) FILTER (WHERE meaning <> 'stop') AS others
FROM inbound_messages
WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[])

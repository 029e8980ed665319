-- A page of what was answered, the newest first, with whose text each answers and who said it.
WITH page AS MATERIALIZED (
    SELECT * FROM inbound_messages
    WHERE user_id = %(user_id)s AND (%(meaning)s::text IS NULL OR meaning = %(meaning)s::text)
    ORDER BY received_at DESC, id DESC
    LIMIT %(limit)s OFFSET %(skip)s
)
SELECT message.id, right(replace(message.id::text, '-', ''), 8) AS key, message.received_at, message.phone_number,
    message.body, message.meaning, message.decided_by, message.answer_id IS NOT NULL AS is_answered,
    campaign.name AS campaign,
    nullif(concat_ws(' ', customer.last_name, customer.first_name), '') AS customer
FROM page AS message
LEFT JOIN campaign_occurrences AS occurrence
    ON occurrence.user_id = %(user_id)s AND occurrence.id = message.occurrence_id
LEFT JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
LEFT JOIN customers AS customer ON customer.user_id = %(user_id)s AND customer.id = message.customer_id
ORDER BY message.received_at DESC, message.id DESC

-- Keep what people texted, each message once, with the text that it answers as far as can be told: the one that the provider
-- names, else the last one to that number before it, from the sender that they wrote to if there is one.
-- And with the customer: the one who was texted, else who has the number (of several, the one with the latest visit).
INSERT INTO inbound_messages (user_id, id, provider, provider_message_id, phone_number, sender, body, received_at, recorded_at,
    recipient_id, occurrence_id, customer_id, meaning)
SELECT %(user_id)s, asked.id, %(provider)s, asked.message_id, asked.phone, asked.sender, asked.body, asked.at,
    coalesce(%(now)s::timestamptz, now()), answered.recipient_id, answered.occurrence_id,
    coalesce(texted.customer_id, owner.id), asked.meaning
FROM unnest(%(ids)s::uuid[], %(message_ids)s::text[], %(phones)s::text[], %(senders)s::text[], %(bodies)s::text[],
        %(ats)s::timestamptz[], %(answers)s::text[], %(meanings)s::text[])
    AS asked (id, message_id, phone, sender, body, at, answers, meaning)
LEFT JOIN LATERAL (
    SELECT submissions.recipient_id, submissions.occurrence_id
    FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = asked.phone
      AND (submissions.started_at <= asked.at OR submissions.provider_message_id = asked.answers)
      AND coalesce(submissions.outcome, 'unknown') IN ('accepted', 'unknown')
    ORDER BY (submissions.provider_message_id = asked.answers) IS TRUE DESC, submissions.sender = asked.sender DESC,
        submissions.started_at DESC
    LIMIT 1) AS answered ON true
LEFT JOIN campaign_recipients AS texted ON texted.user_id = %(user_id)s AND texted.id = answered.recipient_id
LEFT JOIN LATERAL (
    SELECT customers.id
    FROM customers
    WHERE customers.user_id = %(user_id)s AND customers.phone_number = asked.phone
    ORDER BY customers.last_visit_date DESC NULLS LAST, customers.id
    LIMIT 1) AS owner ON true
ON CONFLICT (user_id, provider, provider_message_id) DO NOTHING
RETURNING id, provider_message_id, phone_number, received_at, body, meaning, provider, recipient_id, customer_id

-- Everything that was answered from a number.
SELECT inbound_messages.received_at AS at, inbound_messages.sender, inbound_messages.body, inbound_messages.meaning,
    inbound_messages.decided_by, inbound_messages.id
FROM inbound_messages
WHERE inbound_messages.user_id = %(user_id)s AND inbound_messages.phone_number = %(phone_number)s
ORDER BY inbound_messages.received_at, inbound_messages.id

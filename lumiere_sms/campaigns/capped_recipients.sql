-- What is known of the claimed recipients that a frequency cap stops, and of the run they are in.
SELECT recipient.id, recipient.step, recipient.timezone, recipient.preferred_time, recipient.expires_at, occurrence.definition
FROM campaign_recipients AS recipient
JOIN campaign_occurrences AS occurrence
    ON occurrence.user_id = %(user_id)s AND occurrence.id = recipient.occurrence_id
WHERE recipient.user_id = %(user_id)s AND recipient.id = ANY (%(ids)s::uuid[])

-- The texts of a sequence by step, the rounds of a step together, and exclusive status.
SELECT split_part(recipient.step, '/', 1)::integer AS number, recipient.status, count(*) AS texts
FROM campaign_recipients AS recipient
WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = ANY (%(occurrence_ids)s::uuid[])
  AND recipient.step <> ''
GROUP BY number, recipient.status
ORDER BY number, recipient.status

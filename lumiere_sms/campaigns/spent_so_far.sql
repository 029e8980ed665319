-- What texts have cost already, in one currency: those of some occurrences, or (none named) all of the tenant's between
-- two local midnights.
SELECT coalesce(sum(recipient.cost), 0) AS cost
FROM campaign_recipients AS recipient
JOIN users ON users.id = recipient.user_id
WHERE recipient.user_id = %(user_id)s AND recipient.currency = %(currency)s AND recipient.cost IS NOT NULL
  AND (%(occurrence_ids)s::uuid[] IS NULL OR recipient.occurrence_id = ANY (%(occurrence_ids)s::uuid[]))
  AND (%(month)s::date IS NULL OR (
      recipient.sent_at >= %(month)s::date::timestamp AT TIME ZONE users.timezone
      AND recipient.sent_at < (%(month)s::date + interval '1 month') AT TIME ZONE users.timezone))

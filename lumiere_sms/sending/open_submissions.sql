-- cross-tenant: accepted texts of a provider whose fate is open, oldest first. Takes no locks.
SELECT user_id, sender, provider_message_id, started_at, coalesce(%(now)s::timestamptz, now()) AS now
FROM submissions
WHERE provider = %(provider)s AND outcome = 'accepted' AND closed_at IS NULL
ORDER BY sender, started_at
LIMIT 10000

-- cross-tenant: who has texts in doubt at a provider without records whose time for events is over. Takes no locks.
SELECT DISTINCT user_id
FROM submissions
WHERE provider = %(provider)s AND outcome = 'unknown' AND closed_at IS NULL
  AND started_at <= coalesce(%(now)s::timestamptz, now()) - %(within)s::interval
ORDER BY user_id

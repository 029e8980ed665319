-- cross-tenant: the number whose look at a provider's records is due the longest, and the tenants it is due for.
-- Takes no locks.
SELECT phone_number AS phone, array_agg(DISTINCT user_id) AS user_ids
FROM submissions
WHERE provider = %(provider)s AND outcome = 'unknown' AND closed_at IS NULL
  AND coalesce(look_at, started_at + %(first)s::interval) <= coalesce(%(now)s::timestamptz, now())
GROUP BY phone_number
ORDER BY min(coalesce(look_at, started_at + %(first)s::interval)), phone_number
LIMIT 1

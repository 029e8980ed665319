-- Take the right to one request for a provider's records: one in `pause` for the whole fleet. Nothing when it is too early.
INSERT INTO provider_health (provider, list_at)
VALUES (%(provider)s, coalesce(%(now)s::timestamptz, now()) + %(pause)s::interval)
ON CONFLICT (provider) DO UPDATE SET list_at = excluded.list_at
WHERE provider_health.list_at IS NULL OR provider_health.list_at <= coalesce(%(now)s::timestamptz, now())
RETURNING list_at

-- Take the right to ask a provider what people answered: once in `pause` for the whole fleet, or at once where it is
-- `hurried`. Returns until when all answers have been taken in, and when to ask again; nothing when it is too early.
INSERT INTO provider_health (provider, replies_at)
VALUES (%(provider)s, coalesce(%(now)s::timestamptz, now()) + %(pause)s::interval)
ON CONFLICT (provider) DO UPDATE SET replies_at = excluded.replies_at
WHERE provider_health.replies_at IS NULL OR provider_health.replies_at <= coalesce(%(now)s::timestamptz, now())
   OR %(hurried)s::boolean
RETURNING replies_until, replies_at

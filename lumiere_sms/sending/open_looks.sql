-- cross-tenant: how many texts are in doubt and will be decided soon, by looks that are planned or by the second one that
-- proves an absence, until when at the latest, and the database's instant. Takes no locks.
-- What was in doubt when this daemon began, at `since`, has as much time from then on.
SELECT count(*) AS texts, max(greatest(settled_at, since.at)) + %(last)s::interval + %(margin)s::interval AS until,
    coalesce(%(now)s::timestamptz, now()) AS now
FROM submissions, (SELECT coalesce(%(since)s::timestamptz, %(now)s::timestamptz, now()) AS at) AS since
WHERE provider = %(provider)s AND outcome = 'unknown' AND closed_at IS NULL
  AND greatest(settled_at, since.at) > coalesce(%(now)s::timestamptz, now()) - %(last)s::interval - %(margin)s::interval
  AND (looked_at IS NULL OR looked_at < started_at + %(last)s::interval OR absent_at IS NOT NULL)

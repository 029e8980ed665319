-- An open day of a standing campaign whose row is held, with the database's instant: read after the campaign was held, so
-- that a day that was closed meanwhile is not taken for an open one. `since`: when the first day of its revision began.
SELECT day.id AS occurrence_id, day.campaign_id, day.occurs_at, day.open_until, day.definition,
    coalesce(%(now)s::timestamptz, now()) AS now, (
        SELECT min(first.occurs_at) FROM campaign_occurrences AS first
        WHERE first.user_id = %(user_id)s AND first.campaign_id = day.campaign_id AND first.revision = day.revision
    ) AS since
FROM campaign_occurrences AS day
WHERE day.user_id = %(user_id)s AND day.id = %(occurrence_id)s AND day.status = 'running'
  AND day.open_until > coalesce(%(now)s::timestamptz, now())

-- cross-tenant: the occurrences that have been launched and are not over, and the database's instant. Takes no locks.
SELECT user_id, id AS occurrence_id, coalesce(%(now)s::timestamptz, now()) AS now
FROM campaign_occurrences
WHERE status = 'running'

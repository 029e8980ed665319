-- Note what a claim took from the scopes that it holds (hold_scopes.sql); the first tenant that sends from a sender owns it.
WITH paced AS (
    UPDATE pace_limits
    SET tat = charged.tat, tat_floor = charged.tat_floor, idle_at = charged.idle_at, day = charged.day,
        day_parts = charged.day_parts, owner = coalesce(pace_limits.owner, %(user_id)s)
    FROM unnest(%(providers)s::text[], %(senders)s::text[], %(tats)s::timestamptz[], %(floors)s::timestamptz[],
            %(idles)s::timestamptz[], %(days)s::date[], %(day_parts)s::integer[])
        AS charged (provider, sender, tat, tat_floor, idle_at, day, day_parts)
    WHERE pace_limits.provider = charged.provider AND pace_limits.sender = charged.sender
)
UPDATE campaign_occurrences SET pace_tat = %(tat)s, pace_floor = %(floor)s, pace_idle_at = %(idle_at)s
WHERE user_id = %(user_id)s AND id = %(occurrence_id)s

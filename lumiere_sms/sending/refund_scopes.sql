-- Give back what a claim took from its scopes, as pace.py has it: the pace of `unused` parts that did not go, or where
-- the claim was armed `early` the rest of its grace (`kept` parts went); and from today's count `undone` parts. Rates that
-- were cut meanwhile make it less than was taken, never more. What was paid back before others took it is gone.
WITH paced AS (
    UPDATE pace_limits
    SET tat = CASE
            WHEN parts_per_second IS NULL AND parts_per_minute IS NULL THEN tat
            WHEN idle_at > %(at)s THEN tat
            ELSE least(tat, greatest(
                tat - make_interval(secs => %(unused)s
                    / least(parts_per_second, parts_per_minute / 60.0::double precision))
                    - CASE idle_at WHEN %(at)s THEN %(early)s::interval ELSE interval '0' END,
                tat_floor + make_interval(secs => %(kept)s
                    / least(coalesce(rate, parts_per_second), parts_per_second, parts_per_minute / 60.0::double precision))))
            END,
        day_parts = CASE (%(at)s::timestamptz AT TIME ZONE zone)::date
            WHEN day THEN greatest(0, day_parts - %(undone)s) ELSE day_parts END
    WHERE (provider, sender) IN ((%(provider)s, %(sender)s), ('', %(user_id)s::text))
)
UPDATE campaign_occurrences
SET pace_tat = CASE WHEN pace_idle_at > %(at)s THEN pace_tat ELSE least(pace_tat, greatest(
        pace_tat - make_interval(secs => %(unused)s * 60.0::double precision / send_rate_per_minute)
            - CASE pace_idle_at WHEN %(at)s THEN %(early)s::interval ELSE interval '0' END,
        pace_floor + make_interval(secs => %(kept)s * 60.0::double precision / send_rate_per_minute))) END
WHERE user_id = %(user_id)s AND id = %(occurrence_id)s
RETURNING id

-- Hold every pace that a text of one run is charged to, for one claim: its sender's, its tenant's where that has one, and
-- its campaign's. A row that another claimer holds is missing. Local rows are locked before the run's; none is waited for.
WITH paced AS MATERIALIZED (
    SELECT CASE provider WHEN '' THEN 'tenant' ELSE 'sender' END AS kind, parts_per_second, rate, cut_at, refused_at,
        parts_per_minute, tat, tat_floor, idle_at, parts_per_day, zone, day, day_parts, owner, blocked_until, blocked_reason
    FROM pace_limits
    WHERE (provider, sender) IN ((%(provider)s, %(sender)s), ('', %(user_id)s::text))
    FOR NO KEY UPDATE SKIP LOCKED
), run AS MATERIALIZED (
    SELECT send_rate_per_minute, pace_tat, pace_floor, pace_idle_at
    FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND EXISTS (SELECT FROM paced)
    FOR NO KEY UPDATE SKIP LOCKED
)
SELECT * FROM paced
UNION ALL
SELECT 'campaign', NULL, NULL, NULL, NULL, send_rate_per_minute, pace_tat, pace_floor, pace_idle_at, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL
FROM run

-- Hold the pace of a sender for one claim; nothing when another claimer holds it. Local rows are locked first.
SELECT parts_per_second, burst, tat, owner, blocked_until, blocked_reason
FROM pace_limits
WHERE provider = %(provider)s AND sender = %(sender)s
FOR NO KEY UPDATE SKIP LOCKED

-- Take a look at a day upon oneself: whoever moves its time is the one, for the others it is not due any more. Who dies
-- over it is followed by the next look.
UPDATE campaign_occurrences
SET advance_at = coalesce(%(now)s::timestamptz, now()) + %(every)s::interval
WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'running'
  AND open_until > coalesce(%(now)s::timestamptz, now())
  AND coalesce(advance_at <= coalesce(%(now)s::timestamptz, now()), true)
RETURNING id

-- Say what the doubt of a tenant's texts rests on, and that nothing more is looked at; they stay unknown.
UPDATE submissions
SET finding = %(finding)s, closed_at = coalesce(%(now)s::timestamptz, now())
WHERE user_id = %(user_id)s AND provider = %(provider)s AND outcome = 'unknown' AND closed_at IS NULL
  AND started_at <= coalesce(%(now)s::timestamptz, now()) - %(within)s::interval

-- Keep other daemons from looking at the same number while this one does; who dies meanwhile is followed after `lease`.
UPDATE submissions SET look_at = coalesce(%(now)s::timestamptz, now()) + %(lease)s::interval
WHERE user_id = %(user_id)s AND phone_number = %(phone)s AND provider = %(provider)s
  AND outcome = 'unknown' AND closed_at IS NULL

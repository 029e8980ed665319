-- Note what a sender took; the first tenant that sends from it owns it.
UPDATE pace_limits SET tat = %(tat)s, owner = coalesce(owner, %(user_id)s)
WHERE provider = %(provider)s AND sender = %(sender)s

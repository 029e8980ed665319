-- A day of a standing campaign begins: scheduled -> running, pinned, and open until `open_until`; it is looked at at once.
UPDATE campaign_occurrences
SET status = 'running', revision = %(revision)s, definition = %(definition)s, open_until = %(open_until)s,
    advance_at = %(now)s, launched_at = %(now)s
WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'scheduled'

-- A launch is done: scheduled -> running, pinned to what was launched.
UPDATE campaign_occurrences
SET status = 'running', revision = %(revision)s, definition = %(definition)s, template_id = %(template_id)s,
    audience_size = %(matched)s, exclusions = %(exclusions)s, cost_estimate = %(cost)s,
    launched_at = coalesce(%(now)s::timestamptz, now())
WHERE user_id = %(user_id)s AND id = %(occurrence_id)s AND status = 'scheduled'

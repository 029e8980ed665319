-- paused -> running where it was launched and has something left, scheduled where it was not, completed where all that was left has ended meanwhile.
UPDATE sms_campaigns AS campaign
SET status = state.after, status_reason = NULL, status_by = %(by)s, updated_at = coalesce(%(now)s::timestamptz, now()),
    resumed_at = coalesce(%(now)s::timestamptz, now()),
    completed_at = CASE state.after WHEN 'completed' THEN coalesce(%(now)s::timestamptz, now()) END
FROM (
    SELECT CASE WHEN bool_or(status = 'running') THEN 'running'
        WHEN bool_or(status = 'scheduled') AND bool_or(launched_at IS NOT NULL) THEN 'running'
        WHEN bool_or(status = 'scheduled') THEN 'scheduled' ELSE 'completed' END AS after
    FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(id)s
) AS state
WHERE campaign.user_id = %(user_id)s AND campaign.id = %(id)s AND campaign.status = 'paused'
RETURNING campaign.status

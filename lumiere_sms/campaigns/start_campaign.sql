-- A launch is done: scheduled -> running; a campaign that runs already keeps its start.
UPDATE sms_campaigns
SET status = 'running', started_at = coalesce(started_at, %(now)s::timestamptz, now()),
    updated_at = coalesce(%(now)s::timestamptz, now()), estimated_recipients = %(kept)s, cost_estimate = %(cost)s,
    currency = coalesce(%(currency)s, currency), template_id = %(template_id)s, message_content = %(content)s
WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND status IN ('scheduled', 'running')

-- A new campaign: a draft without a time, scheduled with one.
INSERT INTO sms_campaigns
    (user_id, id, name, description, type, status, priority, template_id, message_content, scheduled_at, timezone,
     repeat_pattern, target_criteria, batch_size, send_rate_per_minute, max_retries, expires_after, currency, definition, source,
     created_by, created_at, updated_at)
VALUES
    (%(user_id)s, %(id)s, %(name)s, %(description)s, %(type)s,
     CASE WHEN %(scheduled_at)s::timestamptz IS NULL THEN 'draft' ELSE 'scheduled' END, %(priority)s, %(template_id)s,
     %(message_content)s, %(scheduled_at)s, %(timezone)s, %(repeat_pattern)s, %(target_criteria)s, %(batch_size)s, %(send_rate_per_minute)s,
     %(max_retries)s, %(expires_after)s, %(currency)s, %(definition)s, %(source)s, %(by)s, %(now)s, %(now)s)

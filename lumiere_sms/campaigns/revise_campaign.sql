-- A campaign's definition becomes another, as a new revision, if it is still at the revision that was looked at.
-- Nor was it launched meanwhile, paused before and after: its run would get a second occurrence, and people a second text.
-- Before its launch it is a draft without a time and scheduled (or paused) with one; after it, its status stays.
UPDATE sms_campaigns
SET description = %(description)s, type = %(type)s, priority = %(priority)s, template_id = %(template_id)s,
    message_content = %(message_content)s, scheduled_at = %(scheduled_at)s, timezone = %(timezone)s,
    repeat_pattern = %(repeat_pattern)s, target_criteria = %(target_criteria)s, batch_size = %(batch_size)s, send_rate_per_minute = %(send_rate_per_minute)s,
    max_retries = %(max_retries)s, expires_after = %(expires_after)s, definition = %(definition)s, source = %(source)s,
    revision = revision + 1, updated_at = %(now)s,
    status = CASE
        WHEN status = 'draft' AND %(scheduled_at)s::timestamptz IS NOT NULL THEN 'scheduled'
        WHEN status IN ('scheduled', 'paused') AND started_at IS NULL AND %(scheduled_at)s::timestamptz IS NULL THEN 'draft'
        ELSE status END
WHERE user_id = %(user_id)s AND id = %(id)s AND revision = %(revision)s AND status = %(status)s AND archived_at IS NULL
  AND started_at IS NOT DISTINCT FROM %(started_at)s::timestamptz

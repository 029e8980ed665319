-- Write reminders, one per appointment and phone whatever run has it. One that was cancelled since its appointment was gone,
-- and is there again, comes back: cancelled -> pending | expired, with a new text, in this run; as does one that was too
-- late by a definition from before `since`: expired -> pending | expired. Returns what was written.
INSERT INTO campaign_recipients AS recipient
    (user_id, occurrence_id, campaign_id, id, customer_id, phone_number, timezone, send_after, expires_at,
     personalized_content, encoding, segments_used, step, variant, preferred_time, appointment_at, status, reason, updated_at)
SELECT %(user_id)s, %(occurrence_id)s, %(campaign_id)s, reminder.*, %(now)s
FROM unnest(%(ids)s::uuid[], %(customer_ids)s::uuid[], %(phone_numbers)s::text[], %(timezones)s::text[],
        %(send_afters)s::timestamptz[], %(expires_ats)s::timestamptz[], %(texts)s::text[], %(encodings)s::text[],
        %(parts)s::smallint[], %(steps)s::text[], %(variants)s::text[], %(preferred_times)s::text[],
        %(appointment_ats)s::timestamptz[], %(statuses)s::text[], %(reasons)s::text[]) AS reminder
ON CONFLICT (user_id, campaign_id, appointment_at, phone_number) WHERE appointment_at IS NOT NULL
DO UPDATE SET occurrence_id = excluded.occurrence_id, customer_id = excluded.customer_id, timezone = excluded.timezone,
    send_after = excluded.send_after, expires_at = excluded.expires_at,
    personalized_content = excluded.personalized_content, encoding = excluded.encoding,
    segments_used = excluded.segments_used, preferred_time = excluded.preferred_time, status = excluded.status,
    reason = excluded.reason, retry_count = 0, updated_at = %(now)s
WHERE recipient.status = 'cancelled' AND recipient.reason = 'appointment_changed'
  OR recipient.status = 'expired' AND recipient.reason = 'too_late' AND recipient.updated_at < %(since)s
RETURNING recipient.appointment_at, recipient.phone_number

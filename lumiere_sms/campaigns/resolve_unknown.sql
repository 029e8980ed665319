-- A person says what became of a text in doubt, whose campaign and budgets are held: the attempt becomes accepted, under an
-- id that says so, or absent; its recipient unknown -> sent | pending | expired | cancelled.
WITH held AS MATERIALIZED (
    SELECT id FROM campaign_recipients
    WHERE user_id = %(user_id)s AND id = %(recipient_id)s AND status = 'unknown' AND attempt = %(attempt)s
    FOR NO KEY UPDATE
), attempt AS (
    UPDATE submissions
    SET outcome = %(outcome)s, provider_message_id = %(message_id)s, finding = %(finding)s,
        settled_at = coalesce(%(now)s::timestamptz, now()), closed_at = coalesce(%(now)s::timestamptz, now())
    FROM held
    WHERE submissions.user_id = %(user_id)s AND submissions.id = %(attempt_id)s AND submissions.outcome = 'unknown'
    RETURNING submissions.started_at
)
UPDATE campaign_recipients AS recipient
SET status = %(status)s, reason = %(reason)s, provider_message_id = %(message_id)s, error_code = NULL, error_message = NULL,
    sent_at = CASE %(status)s WHEN 'sent' THEN attempt.started_at END, send_after = %(send_after)s,
    expires_at = %(expires_at)s, preferred_time = CASE WHEN NOT %(yields)s::boolean THEN recipient.preferred_time END,
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM held, attempt
WHERE recipient.user_id = %(user_id)s AND recipient.id = held.id AND recipient.status = 'unknown'
RETURNING recipient.id

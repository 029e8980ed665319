-- It is certain that an attempt in doubt never reached its provider: the attempt becomes absent, and its recipient may go
-- again: unknown -> pending, or cancelled where its campaign is, which is held already (hold_campaigns.sql). A recipient
-- that has moved on is left alone. Recipients are held before submissions.
-- Returns the attempt, if it is absent now, and the status that its recipient took.
WITH held AS MATERIALIZED (
    SELECT recipient.id, submissions.id AS attempt_id, submissions.attempt, campaign.status AS campaign_status
    FROM submissions
    JOIN campaign_recipients AS recipient
        ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
    WHERE submissions.user_id = %(user_id)s AND submissions.id = %(attempt_id)s AND submissions.outcome = 'unknown'
    FOR NO KEY UPDATE OF recipient
), proved AS (
    UPDATE submissions
    SET outcome = 'absent', finding = %(finding)s, settled_at = coalesce(%(now)s::timestamptz, now())
    FROM held
    WHERE submissions.user_id = %(user_id)s AND submissions.id = held.attempt_id AND submissions.outcome = 'unknown'
    RETURNING submissions.id
), moved AS (
    UPDATE campaign_recipients AS recipient
    SET status = CASE held.campaign_status WHEN 'cancelled' THEN 'cancelled' ELSE 'pending' END,
        reason = CASE held.campaign_status WHEN 'cancelled' THEN 'campaign_cancelled' END,
        error_code = NULL, error_message = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
    FROM held
    JOIN proved ON proved.id = held.attempt_id
    WHERE recipient.user_id = %(user_id)s AND recipient.id = held.id AND recipient.attempt = held.attempt
      AND recipient.status = 'unknown'
    RETURNING recipient.status
)
SELECT proved.id, moved.status
FROM proved
LEFT JOIN moved ON true

-- cross-tenant: how many texts a provider took in the last 15 minutes, and how many of them took longer than `slow` to
-- arrive, or are on their way for longer. What its carriers could not deliver is not slow. Takes no locks.
-- By the index of submissions on occurrence and time: only runs that are on, or ended just now, can have any.
SELECT count(*) AS texts, count(*) FILTER (WHERE taken.took > %(slow)s::interval) AS slow
FROM (
    SELECT CASE WHEN submissions.receipt_status = 'delivered' THEN recipient.delivered_at - submissions.started_at
            WHEN submissions.receipt_status IN ('undelivered', 'failed') THEN NULL
            ELSE coalesce(%(now)s::timestamptz, now()) - submissions.started_at END AS took
    FROM campaign_occurrences AS occurrence
    JOIN submissions ON submissions.user_id = occurrence.user_id AND submissions.occurrence_id = occurrence.id
        AND submissions.started_at > coalesce(%(now)s::timestamptz, now()) - interval '15 minutes'
        AND submissions.provider = %(provider)s AND submissions.outcome = 'accepted'
    LEFT JOIN campaign_recipients AS recipient
        ON recipient.user_id = submissions.user_id AND recipient.id = submissions.recipient_id
        AND recipient.provider_message_id = submissions.provider_message_id
    WHERE occurrence.status = 'running'
        OR occurrence.completed_at > coalesce(%(now)s::timestamptz, now()) - interval '15 minutes'
) AS taken

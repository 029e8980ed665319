-- Bind texts to the attempts that they turned out to be: an attempt whose outcome is in `leaving` ('on_its_way' where it
-- has none yet) becomes accepted, and its recipient becomes sent, wherever it waits: pending | claimed | expired |
-- cancelled | suppressed -> sent; and unknown | submitting -> sent, where no later attempt was made.
-- A text that belongs to another attempt already is left alone. Recipients are held before submissions.
-- Returns the attempts that were bound, and whether their recipient had moved on, or has the text of a later attempt too.
WITH found AS MATERIALIZED (
    SELECT *
    FROM unnest(%(attempt_ids)s::uuid[], %(message_ids)s::text[], %(parts)s::smallint[], %(costs)s::numeric[],
            %(currencies)s::text[], %(findings)s::text[])
        AS named (attempt_id, message_id, parts, cost, currency, finding)
    WHERE NOT EXISTS (
        SELECT FROM submissions
        WHERE submissions.user_id = %(user_id)s AND submissions.provider = %(provider)s
          AND submissions.provider_message_id = named.message_id)
), held AS MATERIALIZED (
    SELECT recipient.id, found.*
    FROM found
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.id = found.attempt_id
    JOIN campaign_recipients AS recipient
        ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
    WHERE submissions.provider = %(provider)s
      AND coalesce(submissions.outcome, 'on_its_way') = ANY (%(leaving)s::text[])
    ORDER BY recipient.id
    FOR NO KEY UPDATE OF recipient
), bound AS (
    UPDATE submissions
    SET outcome = 'accepted', provider_message_id = held.message_id, finding = held.finding, closed_at = NULL,
        settled_at = coalesce(%(now)s::timestamptz, now())
    FROM held
    WHERE submissions.user_id = %(user_id)s AND submissions.id = held.attempt_id
      AND coalesce(submissions.outcome, 'on_its_way') = ANY (%(leaving)s::text[])
    RETURNING submissions.id AS attempt_id, submissions.recipient_id, submissions.attempt, submissions.started_at,
        submissions.phone_number
), moved AS (
    UPDATE campaign_recipients AS recipient
    SET status = 'sent', reason = NULL, provider = %(provider)s, provider_message_id = found.message_id,
        error_code = NULL, error_message = NULL, segments_used = coalesce(found.parts, recipient.segments_used),
        cost = coalesce(found.cost, recipient.cost), currency = coalesce(found.currency, recipient.currency),
        sent_at = bound.started_at, claimed_by = NULL, claimed_until = NULL,
        updated_at = coalesce(%(now)s::timestamptz, now())
    FROM bound
    JOIN found ON found.attempt_id = bound.attempt_id
    WHERE recipient.user_id = %(user_id)s AND recipient.id = bound.recipient_id
      AND (recipient.status IN ('unknown', 'submitting') AND recipient.attempt = bound.attempt
          OR recipient.status IN ('pending', 'claimed', 'expired', 'cancelled', 'suppressed'))
    RETURNING bound.attempt_id
)
SELECT bound.attempt_id, bound.recipient_id, bound.attempt_id NOT IN (SELECT moved.attempt_id FROM moved) OR (
    SELECT submissions.id FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = bound.phone_number -- the index that there is
      AND submissions.recipient_id = bound.recipient_id AND submissions.attempt > bound.attempt
      AND submissions.outcome = 'accepted'
    LIMIT 1) IS NOT NULL AS moved_on
FROM bound

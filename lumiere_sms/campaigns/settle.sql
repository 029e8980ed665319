-- Record what the provider answered, by attempt: submitting -> sent | failed | suppressed | pending | unknown.
-- A row whose lease ran out meanwhile is `unknown` and takes its late answer: unknown -> sent | failed | suppressed | pending.
-- That the provider took it after all also counts where the attempt was held to be absent, whoever has claimed the row by
-- then, and though a later attempt came to nothing: pending | claimed | expired | cancelled | suppressed -> sent. Unless
-- that was known already, from a receipt that came first: what became of the row since stands.
-- What may go again keeps the id of a text that was taken before: if that one arrives after all, it goes no more.
-- `again` campaigns are locked FOR SHARE, so that a row which may go again never returns to a cancelled campaign.
-- `id = ANY` besides the join, and sub-selects for one row where EXISTS would do, keep a planner without statistics from
-- reading all that the tenant ever submitted.
-- Returns the attempts whose recipient had moved on: their outcome stands on the submission alone, or a later attempt is a
-- text too. One that is recorded a second time, because the answer to the first commit was lost, is not among them: so the
-- alert that says so is raised with it.
WITH answered AS MATERIALIZED (
    SELECT *
    FROM unnest(%(attempt_ids)b::uuid[], %(ids)b::uuid[], %(fences)s::integer[], %(outcomes)b::text[],
            %(message_ids)b::text[], %(codes)b::text[], %(details)b::text[], %(reasons)b::text[],
            %(parts)s::smallint[], %(costs)s::numeric[], %(currencies)b::text[], %(waits)b::interval[],
            %(alert_ids)b::uuid[])
        AS answer (attempt_id, id, fence, outcome, message_id, code, detail, reason, parts, cost, currency, wait,
            alert_id)
), cancelled AS MATERIALIZED (
    SELECT id, status FROM sms_campaigns
    WHERE user_id = %(user_id)s AND id = ANY (%(again)s::uuid[])
    ORDER BY id
    FOR SHARE
), submission AS (
    UPDATE submissions
    SET outcome = answered.outcome, provider_message_id = answered.message_id, provider_code = answered.code,
        detail = answered.detail, settled_at = coalesce(%(now)s::timestamptz, now()),
        closed_at = CASE answered.outcome WHEN 'accepted' THEN NULL ELSE submissions.closed_at END
    FROM answered
    WHERE submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)b::uuid[])
      AND submissions.id = answered.attempt_id
      AND (submissions.outcome IS NULL OR submissions.outcome = 'unknown'
          OR submissions.outcome = 'absent' AND answered.outcome = 'accepted')
), settled AS (
    UPDATE campaign_recipients AS recipient
    SET status = CASE answered.outcome
            WHEN 'accepted' THEN 'sent' WHEN 'unknown' THEN 'unknown'
            WHEN 'rejected' THEN CASE answered.reason WHEN 'opted_out' THEN 'suppressed' ELSE 'failed' END
            ELSE CASE WHEN recipient.campaign_id IN (SELECT id FROM cancelled WHERE status = 'cancelled')
                THEN 'cancelled' ELSE 'pending' END END,
        reason = answered.reason,
        provider = CASE WHEN recipient.fence = answered.fence THEN recipient.provider ELSE (
            SELECT submissions.provider FROM submissions
            WHERE submissions.user_id = %(user_id)s AND submissions.id = answered.attempt_id) END,
        provider_message_id = CASE WHEN answered.outcome IN ('unavailable', 'not_sent')
            THEN recipient.provider_message_id ELSE answered.message_id END,
        error_code = answered.code,
        error_message = answered.detail,
        segments_used = coalesce(answered.parts, recipient.segments_used),
        cost = answered.cost,
        currency = answered.currency,
        sent_at = CASE answered.outcome WHEN 'accepted' THEN coalesce(%(now)s::timestamptz, now()) END,
        send_after = CASE WHEN answered.outcome IN ('unavailable', 'not_sent')
            THEN coalesce(%(now)s::timestamptz, now()) + coalesce(answered.wait, interval '0') ELSE recipient.send_after END,
        retry_count = recipient.retry_count + CASE answered.outcome WHEN 'unavailable' THEN 1 ELSE 0 END,
        claimed_by = NULL, claimed_until = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
    FROM answered
    WHERE recipient.user_id = %(user_id)s AND recipient.id = answered.id
      AND (recipient.fence = answered.fence AND recipient.status IN ('submitting', 'unknown')
          OR answered.outcome = 'accepted'
              AND recipient.status IN ('pending', 'claimed', 'expired', 'cancelled', 'suppressed')
              AND recipient.provider_message_id IS DISTINCT FROM answered.message_id -- a receipt that is just committed
              AND (
                  SELECT submissions.outcome FROM submissions
                  WHERE submissions.user_id = %(user_id)s AND submissions.id = answered.attempt_id)
                  IS DISTINCT FROM 'accepted')
    RETURNING answered.attempt_id, recipient.id, recipient.phone_number, recipient.fence <> answered.fence AS is_again
), moved_on AS (
    SELECT answered.attempt_id, answered.id, answered.outcome, answered.alert_id
    FROM answered
    WHERE answered.attempt_id NOT IN (SELECT settled.attempt_id FROM settled)
      AND NOT EXISTS (
          SELECT FROM submissions
          WHERE submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)b::uuid[])
            AND submissions.id = answered.attempt_id
            AND (submissions.outcome = answered.outcome
                OR answered.outcome = 'unknown' AND submissions.outcome = 'accepted'))
    UNION ALL
    SELECT answered.attempt_id, answered.id, answered.outcome, answered.alert_id
    FROM settled
    JOIN answered ON answered.attempt_id = settled.attempt_id
    WHERE settled.is_again AND (
        SELECT later.id
        FROM submissions AS own
        JOIN submissions AS later ON later.user_id = %(user_id)s
            AND later.phone_number = settled.phone_number -- the index that there is
            AND later.recipient_id = settled.id AND later.attempt > own.attempt AND later.outcome = 'accepted'
        WHERE own.user_id = %(user_id)s AND own.id = settled.attempt_id
        LIMIT 1) IS NOT NULL
), told AS (
    INSERT INTO alerts (user_id, id, kind, subject, message, raised_at)
    SELECT %(user_id)s, alert_id, 'moved_on', id::text,
        'an answer (' || outcome || ') came after its recipient had moved on', coalesce(%(now)s::timestamptz, now())
    FROM moved_on
    WHERE outcome <> 'not_sent'
    ON CONFLICT (user_id, kind, subject) WHERE acknowledged_at IS NULL DO NOTHING
)
SELECT attempt_id FROM moved_on

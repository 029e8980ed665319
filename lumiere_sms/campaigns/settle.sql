-- Record what the provider answered, by attempt: submitting -> sent | failed | suppressed | pending | unknown.
-- A row whose lease ran out meanwhile is `unknown` and takes its late answer: unknown -> sent | failed | suppressed | pending.
-- That the provider took it after all also counts where the attempt was held to be absent, whoever has claimed the row by
-- then, unless a later attempt was made: pending | claimed | expired | cancelled | suppressed -> sent.
-- What may go again keeps the id of a text that was taken before: if that one arrives after all, it goes no more.
-- `again` campaigns are locked FOR SHARE, so that a row which may go again never returns to a cancelled campaign.
-- `id = ANY` besides the join keeps a planner without statistics from reading all that the tenant ever submitted.
-- Returns the attempts whose recipient had moved on: their outcome stands on the submission alone. One that is recorded
-- a second time, because the answer to the first commit was lost, is not among them.
WITH answered AS MATERIALIZED (
    SELECT *
    FROM unnest(%(attempt_ids)b::uuid[], %(ids)b::uuid[], %(fences)s::integer[], %(outcomes)b::text[],
            %(message_ids)b::text[], %(codes)b::text[], %(details)b::text[], %(reasons)b::text[],
            %(parts)s::smallint[], %(costs)s::numeric[], %(currencies)b::text[], %(waits)b::interval[])
        AS answer (attempt_id, id, fence, outcome, message_id, code, detail, reason, parts, cost, currency, wait)
), cancelled AS MATERIALIZED (
    SELECT id, status FROM sms_campaigns
    WHERE user_id = %(user_id)s AND id = ANY (%(again)s::uuid[])
    ORDER BY id
    FOR SHARE
), submission AS (
    UPDATE submissions
    SET outcome = answered.outcome, provider_message_id = answered.message_id, provider_code = answered.code,
        detail = answered.detail, settled_at = coalesce(%(now)s::timestamptz, now())
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
              AND recipient.attempt = (
                  SELECT submissions.attempt FROM submissions
                  WHERE submissions.user_id = %(user_id)s AND submissions.id = answered.attempt_id))
    RETURNING answered.attempt_id
)
SELECT answered.attempt_id FROM answered
WHERE answered.attempt_id NOT IN (SELECT settled.attempt_id FROM settled)
  AND NOT EXISTS (
      SELECT FROM submissions
      WHERE submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)b::uuid[])
        AND submissions.id = answered.attempt_id
        AND (submissions.outcome = answered.outcome OR answered.outcome = 'unknown' AND submissions.outcome = 'accepted'))

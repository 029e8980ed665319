-- Move recipients by receipts of higher rank: sent | bounced | failed -> delivered | bounced | failed; true up cost and parts.
-- Where `again` names a time for it, a new text follows then: sent | bounced -> pending. If the first one turns out to have
-- arrived before that: pending | claimed | expired | cancelled | suppressed -> delivered.
-- A submission is closed when its receipt is final and priced; a price that is 10 minutes late is not waited for.
-- A recipient that failed at submission has no provider_message_id, so a receipt never finds it.
WITH report AS MATERIALIZED (
    SELECT *
    FROM unnest(%(message_ids)s::text[], %(statuses)s::text[], %(ranks)s::integer[], %(fates)s::text[],
            %(codes)s::text[], %(parts)s::smallint[], %(prices)s::numeric[], %(currencies)s::text[],
            %(at)s::timestamptz[], %(final)s::boolean[], %(again)s::timestamptz[])
        AS reported (message_id, status, rank, fate, code, parts, price, currency, at, final, again)
), known AS (
    SELECT submissions.id, submissions.recipient_id, report.*,
        report.rank > coalesce(array_position(%(order)s::text[], submissions.receipt_status) - 1, -1) AS is_news,
        report.rank >= coalesce(array_position(%(order)s::text[], submissions.receipt_status) - 1, -1) AS is_newest
    FROM report
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.provider = %(provider)s
        AND submissions.provider_message_id = report.message_id
    ORDER BY report.message_id
    FOR NO KEY UPDATE OF submissions
), noted AS (
    UPDATE submissions
    SET receipt_status = CASE WHEN known.is_news THEN known.status ELSE submissions.receipt_status END,
        receipt_code = CASE WHEN known.is_news THEN known.code ELSE submissions.receipt_code END,
        closed_at = CASE WHEN known.final AND (known.price IS NOT NULL
                OR submissions.started_at < coalesce(%(now)s::timestamptz, now()) - interval '10 minutes')
            THEN coalesce(%(now)s::timestamptz, now()) ELSE submissions.closed_at END
    FROM known
    WHERE submissions.user_id = %(user_id)s AND submissions.id = known.id
), told AS (
    SELECT known.id, known.recipient_id, known.message_id, known.code, known.price, known.currency, known.at,
        known.is_news, known.again,
        CASE WHEN known.is_news AND known.again IS NOT NULL THEN 'pending' ELSE known.fate END AS fate,
        CASE WHEN known.is_newest THEN known.parts END AS parts
    FROM known
)
UPDATE campaign_recipients AS recipient
SET status = CASE WHEN told.is_news THEN told.fate ELSE recipient.status END,
    reason = CASE WHEN told.is_news AND told.fate IN ('bounced', 'failed', 'pending') THEN 'carrier'
        WHEN told.is_news THEN NULL ELSE recipient.reason END,
    error_code = CASE WHEN told.is_news THEN told.code ELSE recipient.error_code END,
    delivered_at = CASE WHEN told.is_news AND told.fate = 'delivered'
        THEN coalesce(told.at, %(now)s::timestamptz, now()) ELSE recipient.delivered_at END,
    send_after = CASE WHEN told.is_news THEN coalesce(told.again, recipient.send_after) ELSE recipient.send_after END,
    carrier_retries = recipient.carrier_retries + CASE WHEN told.is_news AND told.fate = 'pending' THEN 1 ELSE 0 END,
    claimed_by = NULL, claimed_until = NULL,
    segments_used = coalesce(told.parts, recipient.segments_used),
    cost = coalesce(told.price, recipient.cost * told.parts / nullif(recipient.segments_used, 0), recipient.cost),
    currency = CASE WHEN told.price IS NULL THEN recipient.currency ELSE coalesce(told.currency, recipient.currency) END,
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM told
WHERE recipient.user_id = %(user_id)s AND recipient.id = told.recipient_id
  AND recipient.provider_message_id = told.message_id
  AND (recipient.status IN ('sent', 'bounced', 'failed', 'delivered') AND (
          told.is_news AND told.fate <> recipient.status OR told.price <> recipient.cost
          OR told.price IS NOT NULL AND recipient.cost IS NULL OR told.parts <> recipient.segments_used)
      OR recipient.status IN ('pending', 'claimed', 'expired', 'cancelled', 'suppressed')
          AND told.is_news AND told.fate = 'delivered')
RETURNING recipient.id, recipient.status, recipient.error_code, recipient.phone_number, told.id AS attempt_id,
    recipient.cost, recipient.currency

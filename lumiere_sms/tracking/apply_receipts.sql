-- Move recipients by receipts of higher rank: sent | bounced | failed -> delivered | bounced | failed; true up cost and parts.
-- A submission is closed when its receipt is final and priced; a price that is 10 minutes late is not waited for.
-- A recipient that failed at submission has no provider_message_id, so a receipt never finds it.
WITH report AS MATERIALIZED (
    SELECT *
    FROM unnest(%(message_ids)s::text[], %(statuses)s::text[], %(ranks)s::integer[], %(fates)s::text[],
            %(codes)s::text[], %(parts)s::smallint[], %(prices)s::numeric[], %(currencies)s::text[],
            %(at)s::timestamptz[], %(final)s::boolean[])
        AS reported (message_id, status, rank, fate, code, parts, price, currency, at, final)
), known AS (
    SELECT submissions.id, submissions.recipient_id, report.*,
        report.rank > coalesce(array_position(%(order)s::text[], submissions.receipt_status) - 1, -1) AS is_news
    FROM report
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.provider = %(provider)s
        AND submissions.provider_message_id = report.message_id
    ORDER BY report.message_id
    FOR NO KEY UPDATE OF submissions
), noted AS (
    UPDATE submissions
    SET receipt_status = CASE WHEN known.is_news THEN known.status ELSE submissions.receipt_status END,
        closed_at = CASE WHEN known.final AND (known.price IS NOT NULL
                OR submissions.started_at < coalesce(%(now)s::timestamptz, now()) - interval '10 minutes')
            THEN coalesce(%(now)s::timestamptz, now()) ELSE submissions.closed_at END
    FROM known
    WHERE submissions.user_id = %(user_id)s AND submissions.id = known.id
)
UPDATE campaign_recipients AS recipient
SET status = CASE WHEN known.is_news THEN known.fate ELSE recipient.status END,
    reason = CASE WHEN known.is_news AND known.fate IN ('bounced', 'failed') THEN 'carrier'
        WHEN known.is_news THEN NULL ELSE recipient.reason END,
    error_code = CASE WHEN known.is_news THEN known.code ELSE recipient.error_code END,
    delivered_at = CASE WHEN known.is_news AND known.fate = 'delivered'
        THEN coalesce(known.at, %(now)s::timestamptz, now()) ELSE recipient.delivered_at END,
    segments_used = coalesce(known.parts, recipient.segments_used),
    cost = coalesce(known.price, recipient.cost),
    currency = CASE WHEN known.price IS NULL THEN recipient.currency ELSE coalesce(known.currency, recipient.currency) END,
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM known
WHERE recipient.user_id = %(user_id)s AND recipient.id = known.recipient_id
  AND recipient.provider_message_id = known.message_id
  AND recipient.status IN ('sent', 'bounced', 'failed', 'delivered')
  AND (known.is_news AND known.fate <> recipient.status OR known.price <> recipient.cost
      OR known.parts <> recipient.segments_used)
RETURNING recipient.id, recipient.status, recipient.error_code, recipient.phone_number

-- What the arm did not let pass, and what a stopping daemon hands back: claimed -> suppressed | expired | cancelled | pending,
-- and who has a text of an earlier attempt already: claimed -> sent | delivered.
WITH wanted AS MATERIALIZED (
    SELECT id, fence FROM unnest(%(ids)s::uuid[], %(fences)s::integer[]) AS asked (id, fence)
), judged AS (
    SELECT recipient.id, wanted.fence,
        CASE WHEN recipient.confirms IS NOT NULL THEN NULL
        WHEN EXISTS (
            SELECT FROM customers
            WHERE customers.user_id = %(user_id)s AND customers.opt_out_date IS NOT NULL
              AND (customers.phone_number = recipient.phone_number OR customers.id = recipient.customer_id))
            THEN 'opted_out'
        WHEN suppressions.id IS NOT NULL THEN suppressions.reason
        WHEN campaign.source <> 'send' AND EXISTS (
            SELECT FROM customers
            WHERE customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
              AND CASE campaign.type WHEN 'reminder' THEN NOT customers.allow_reminders
                  WHEN 'promotional' THEN NOT customers.allow_promotional
                  WHEN 'drip' THEN NOT customers.allow_promotional END) THEN 'no_consent' END AS suppressed,
        recipient.expires_at <= coalesce(%(now)s::timestamptz, now()) AS expired,
        campaign.status = 'cancelled' AS cancelled,
        recipient.appointment_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM customers
            WHERE customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
              AND customers.next_appointment_at = recipient.appointment_at
              AND customers.phone_number = recipient.phone_number) AS is_changed,
        recipient.confirms IS NOT NULL AND suppressions.id IS DISTINCT FROM recipient.confirms AS is_lifted,
        EXISTS (
            SELECT FROM erasures
            WHERE erasures.user_id = %(user_id)s AND erasures.id = recipient.customer_id) AS is_erased,
        taken.provider, taken.provider_message_id, taken.receipt_status, taken.started_at
    FROM wanted
    JOIN campaign_recipients AS recipient ON recipient.user_id = %(user_id)s AND recipient.id = wanted.id
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
    LEFT JOIN suppressions
        ON suppressions.user_id = %(user_id)s AND suppressions.phone_number = recipient.phone_number
    LEFT JOIN LATERAL (
        SELECT submissions.provider, submissions.provider_message_id, submissions.receipt_status, submissions.started_at
        FROM submissions
        WHERE recipient.attempt > 0
          AND submissions.user_id = %(user_id)s AND submissions.phone_number = recipient.phone_number -- the index
          AND submissions.recipient_id = recipient.id AND submissions.outcome = 'accepted'
          AND coalesce(submissions.receipt_status, '') NOT IN ('undelivered', 'failed')
        ORDER BY submissions.started_at DESC LIMIT 1) AS taken ON true
)
UPDATE campaign_recipients AS recipient
SET status = CASE WHEN judged.receipt_status = 'delivered' THEN 'delivered'
        WHEN judged.provider_message_id IS NOT NULL THEN 'sent'
        WHEN judged.cancelled OR judged.suppressed IS NULL AND judged.is_changed THEN 'cancelled'
        WHEN judged.is_lifted OR judged.is_erased THEN 'cancelled'
        WHEN judged.suppressed IS NOT NULL THEN 'suppressed' WHEN judged.expired THEN 'expired' ELSE 'pending' END,
    reason = CASE WHEN judged.provider_message_id IS NOT NULL THEN NULL
        WHEN judged.cancelled THEN 'campaign_cancelled' WHEN judged.is_erased THEN 'erased'
        WHEN judged.is_lifted THEN 'refusal_lifted' WHEN judged.suppressed IS NOT NULL THEN judged.suppressed
        WHEN judged.is_changed THEN 'appointment_changed' WHEN judged.expired THEN 'window_ended' ELSE recipient.reason END,
    provider = coalesce(judged.provider, recipient.provider),
    provider_message_id = coalesce(judged.provider_message_id, recipient.provider_message_id),
    sent_at = coalesce(judged.started_at, recipient.sent_at),
    delivered_at = CASE judged.receipt_status WHEN 'delivered' THEN coalesce(%(now)s::timestamptz, now())
        ELSE recipient.delivered_at END,
    claimed_by = NULL, claimed_until = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
FROM judged
WHERE recipient.user_id = %(user_id)s AND recipient.id = judged.id AND recipient.fence = judged.fence
  AND recipient.status = 'claimed' AND recipient.claimed_by = %(daemon)s
RETURNING recipient.id, recipient.status

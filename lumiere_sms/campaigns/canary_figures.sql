-- How those fared who went first: how many texts there are, are still to go, have gone, failed, and whose number opted out.
-- `capped`: those that are still to go, and wait for a frequency cap.
-- Who is suppressed is not armed, so whoever has a text and is suppressed became so after it; of whoever was erased the
-- answer tells it.
SELECT count(*) AS texts, count(*) FILTER (WHERE recipient.status IN ('pending', 'claimed', 'submitting')) AS waiting,
    count(*) FILTER (WHERE recipient.status = 'pending' AND recipient.reason = 'frequency_cap') AS capped,
    count(*) FILTER (WHERE recipient.attempt > 0 AND recipient.status NOT IN ('pending', 'claimed', 'submitting')) AS gone,
    count(*) FILTER (WHERE recipient.status IN ('failed', 'bounced', 'unknown')) AS failed,
    count(*) FILTER (WHERE recipient.attempt > 0 AND (
        EXISTS (SELECT FROM suppressions WHERE suppressions.user_id = %(user_id)s
            AND suppressions.phone_number = recipient.phone_number AND suppressions.reason = 'opted_out')
        OR EXISTS (SELECT FROM customers WHERE customers.user_id = %(user_id)s
            AND customers.phone_number = recipient.phone_number AND customers.opt_out_date IS NOT NULL)
        OR starts_with(recipient.phone_number, 'erased:') AND EXISTS (SELECT FROM inbound_messages AS answer
            WHERE answer.user_id = %(user_id)s AND answer.occurrence_id = %(occurrence_id)s
              AND answer.recipient_id = recipient.id AND answer.meaning = 'stop'))) AS opted_out,
    max(recipient.sent_at) AS last_sent_at,
    coalesce(%(now)s::timestamptz, now()) AS now
FROM campaign_recipients AS recipient
WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s

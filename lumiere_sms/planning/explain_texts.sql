-- What became of a number in some occurrences: its recipients, each with its newest attempt.
SELECT occurrence.occurs_at, recipient.id, recipient.step, recipient.variant, recipient.status, recipient.reason,
    recipient.appointment_at,
    recipient.send_after, recipient.expires_at, recipient.sent_at, recipient.delivered_at, recipient.attempt,
    recipient.error_code, recipient.error_message, recipient.provider, recipient.timezone, recipient.segments_used,
    recipient.personalized_content, submission.started_at, submission.outcome, submission.finding,
    submission.receipt_status
FROM campaign_occurrences AS occurrence
JOIN campaign_recipients AS recipient
    ON recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
        AND recipient.phone_number = %(phone_number)s
LEFT JOIN LATERAL (
    SELECT submissions.started_at, submissions.outcome, submissions.finding, submissions.receipt_status
    FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = %(phone_number)s
      AND submissions.recipient_id = recipient.id
    ORDER BY submissions.started_at DESC
    LIMIT 1) AS submission ON true
WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
ORDER BY occurrence.occurs_at DESC, recipient.send_after DESC
LIMIT %(limit)s

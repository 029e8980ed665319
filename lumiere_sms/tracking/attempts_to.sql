-- cross-tenant: everything that was submitted to a number through a provider in the last three days, or is looked for
-- still, with its words, and the database's instant. Takes no locks.
SELECT submission.user_id, submission.id, submission.sender, recipient.personalized_content AS body,
    submission.started_at, submission.outcome, submission.provider_message_id, submission.looks, submission.absent_at,
    submission.closed_at, submission.parts, coalesce(%(now)s::timestamptz, now()) AS now
FROM submissions AS submission
JOIN campaign_recipients AS recipient
    ON recipient.user_id = submission.user_id AND recipient.id = submission.recipient_id
WHERE submission.phone_number = %(phone)s AND submission.provider = %(provider)s
  AND (submission.started_at > coalesce(%(now)s::timestamptz, now()) - interval '3 days'
      OR submission.outcome = 'unknown' AND submission.closed_at IS NULL)
ORDER BY submission.started_at

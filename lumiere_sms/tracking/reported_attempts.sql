-- The attempts that receipts are about, by the provider's id of the text or by their own; read before anything is held.
SELECT submissions.id, submissions.provider_message_id AS message_id, submissions.occurrence_id, submissions.parts,
    submissions.reserved, recipient.campaign_id, recipient.carrier_retries, recipient.expires_at,
    budgets.currency AS budgeted_in, coalesce(%(now)s::timestamptz, now()) AS now
FROM submissions
JOIN campaign_recipients AS recipient ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
LEFT JOIN budgets ON budgets.user_id = %(user_id)s
    AND budgets.id = coalesce(submissions.month_budget_id, submissions.campaign_budget_id)
WHERE submissions.user_id = %(user_id)s AND submissions.provider = %(provider)s
  AND (submissions.provider_message_id = ANY (%(message_ids)s::text[]) OR submissions.id = ANY (%(attempt_ids)s::uuid[]))

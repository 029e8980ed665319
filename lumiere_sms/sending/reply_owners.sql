-- cross-tenant: which tenants have texted the numbers that answer, through one provider, and whether from the sender that was
-- answered; the latest first. Takes no locks.
SELECT asked.place, texted.user_id, texted.from_that_sender
FROM unnest(%(phones)s::text[], %(senders)s::text[]) WITH ORDINALITY AS asked (phone, sender, place)
CROSS JOIN LATERAL (
    SELECT submissions.user_id, bool_or(submissions.sender = asked.sender) AS from_that_sender,
        max(submissions.started_at) AS at
    FROM submissions
    WHERE submissions.phone_number = asked.phone AND submissions.provider = %(provider)s
      AND coalesce(submissions.outcome, 'unknown') IN ('accepted', 'unknown')
    GROUP BY submissions.user_id) AS texted
ORDER BY asked.place, texted.at DESC

-- cross-tenant: which tenants have texted the numbers that answer, through one provider, before they answered or since, and
-- whether from the sender that was answered (by another name, that of the text which the answer names); those before first,
-- the latest first. A tenant that has both comes twice. Takes no locks.
SELECT asked.place, texted.user_id, texted.is_before, texted.from_that_sender
FROM unnest(%(phones)s::text[], %(senders)s::text[], %(ats)s::timestamptz[], %(answers)s::text[])
    WITH ORDINALITY AS asked (phone, sender, at, answers, place)
LEFT JOIN LATERAL (
    SELECT submissions.sender
    FROM submissions
    WHERE submissions.phone_number = asked.phone AND submissions.provider = %(provider)s
      AND submissions.provider_message_id = asked.answers
    LIMIT 1) AS named ON true
CROSS JOIN LATERAL (
    SELECT submissions.user_id,
        submissions.started_at <= coalesce(asked.at, 'infinity')
            OR (submissions.provider_message_id = asked.answers) IS TRUE AS is_before,
        bool_or(submissions.sender IN (asked.sender, coalesce(named.sender, asked.sender))) AS from_that_sender,
        max(submissions.started_at) AS at
    FROM submissions
    WHERE submissions.phone_number = asked.phone AND submissions.provider = %(provider)s
      AND coalesce(submissions.outcome, 'unknown') IN ('accepted', 'unknown')
    GROUP BY 1, 2) AS texted
ORDER BY asked.place, texted.is_before DESC, texted.at DESC

-- When the people of some numbers answered a text since `since`, the newest 50 of each: their replies and clicks, and the texts
-- that a visit followed within three days (of a visit only the day is known). One row for each number that has any.
SELECT answered.phone_number, (array_agg(answered.at ORDER BY answered.at DESC))[:50] AS answers
FROM (
    SELECT responses.phone_number, responses.at
    FROM responses
    WHERE responses.user_id = %(user_id)s AND responses.phone_number = ANY (%(phones)s::text[])
      AND responses.at >= %(since)s
    UNION ALL
    SELECT submissions.phone_number, submissions.started_at
    FROM submissions
    JOIN customers ON customers.user_id = %(user_id)s AND customers.phone_number = submissions.phone_number
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = ANY (%(phones)s::text[])
      AND submissions.started_at >= %(since)s AND submissions.outcome = 'accepted'
      AND customers.last_visit_date - (submissions.started_at AT TIME ZONE %(zone)s)::date BETWEEN 0 AND 3
) AS answered
GROUP BY answered.phone_number

-- When the people of a tenant answered texts since `since`, the newest 10,000 times, each with the person's time zone:
-- replies and clicks, and the texts that a visit followed within three days (of a visit only the day is known).
SELECT answered.at, (
        SELECT customers.timezone FROM customers
        WHERE customers.user_id = %(user_id)s AND customers.phone_number = answered.phone_number
        LIMIT 1) AS timezone
FROM (
    (SELECT responses.phone_number, responses.at
     FROM responses
     WHERE responses.user_id = %(user_id)s AND responses.at >= %(since)s
     ORDER BY responses.at DESC
     LIMIT 10000)
    UNION ALL
    (SELECT submissions.phone_number, submissions.started_at
     FROM customers
     JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.phone_number = customers.phone_number
         AND submissions.started_at >= %(since)s AND submissions.outcome = 'accepted'
         AND customers.last_visit_date - (submissions.started_at AT TIME ZONE %(zone)s)::date BETWEEN 0 AND 3
     WHERE customers.user_id = %(user_id)s AND customers.last_visit_date >= %(since)s::date
     LIMIT 10000)
) AS answered
ORDER BY answered.at DESC
LIMIT 10000

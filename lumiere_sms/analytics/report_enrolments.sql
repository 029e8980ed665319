-- How far people are in a sequence: the steps they have behind them, and why they left, where they have.
SELECT enrolment.steps_done, coalesce(enrolment.left_reason, '') AS left_reason, count(*) AS people,
    min(enrolment.next_at) AS next_at
FROM enrolments AS enrolment
WHERE enrolment.user_id = %(user_id)s AND enrolment.campaign_id = %(campaign_id)s
GROUP BY enrolment.steps_done, enrolment.left_reason

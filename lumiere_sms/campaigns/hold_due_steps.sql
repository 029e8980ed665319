-- Hold the people of a sequence whose next step is due, at most `limit`; whom another daemon holds is left to it.
-- `is_waiting`: the text of the step before has not left yet.
SELECT enrolment.id, enrolment.customer_id, enrolment.round, enrolment.steps_done, enrolment.enrolled_at,
    previous.sent_at, coalesce(previous.status IN ('pending', 'claimed', 'submitting'), false) AS is_waiting
FROM enrolments AS enrolment
LEFT JOIN campaign_recipients AS previous
    ON previous.user_id = %(user_id)s AND previous.id = enrolment.recipient_id
WHERE enrolment.user_id = %(user_id)s AND enrolment.campaign_id = %(campaign_id)s AND enrolment.left_at IS NULL
  AND enrolment.next_at <= %(now)s
ORDER BY enrolment.next_at, enrolment.id
LIMIT %(limit)s
FOR NO KEY UPDATE OF enrolment SKIP LOCKED

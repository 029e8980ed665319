-- What people in a sequence have done since they entered it, and whether their number is another's by now: that of someone
-- else in it, or one that has this step's text in this run already.
-- A visit is known by its day only: one of the day of entering is the one that they entered by. A refusal is no reply,
-- nor is one taken back, though that is the last response.
SELECT enrolment.id,
    EXISTS (
        SELECT FROM responses
        WHERE responses.user_id = %(user_id)s AND responses.phone_number = customer.phone_number
          AND responses.kind = 'reply' AND responses.at >= enrolment.enrolled_at)
    OR coalesce(customer.last_sms_response >= enrolment.enrolled_at, false) AND NOT EXISTS (
        SELECT FROM inbound_messages AS last
        WHERE last.user_id = %(user_id)s AND last.phone_number = customer.phone_number
          AND last.received_at = customer.last_sms_response AND last.meaning IN ('stop', 'start')) AS has_replied,
    coalesce(customer.last_visit_date > (enrolment.enrolled_at AT TIME ZONE %(zone)s)::date, false) AS has_visited,
    EXISTS (
        SELECT FROM enrolments AS other
        WHERE other.user_id = %(user_id)s AND other.campaign_id = %(campaign_id)s
          AND other.phone_number = customer.phone_number AND other.id <> enrolment.id
          AND (other.left_at IS NULL OR other.round = enrolment.round))
    OR EXISTS (
        SELECT FROM campaign_recipients AS texted
        WHERE texted.user_id = %(user_id)s AND texted.occurrence_id = %(occurrence_id)s
          AND texted.phone_number = customer.phone_number
          AND texted.step = (enrolment.steps_done + 1)::text
              || CASE WHEN enrolment.round > 1 THEN '/' || enrolment.round ELSE '' END) AS is_taken
FROM enrolments AS enrolment
JOIN customers AS customer ON customer.user_id = %(user_id)s AND customer.id = enrolment.customer_id
WHERE enrolment.user_id = %(user_id)s AND enrolment.id = ANY (%(ids)s::uuid[])

-- Of some customers those who got nothing and said nothing of texts since an instant, and get nothing, nor does anybody
-- with the same phone, whose text may say their names: held, but for those whom somebody else holds.
SELECT customers.id, customers.phone_number FROM customers
WHERE customers.user_id = %(user_id)s AND customers.id = ANY (%(ids)s)
  AND NOT EXISTS (
      SELECT FROM submissions
      WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = customers.phone_number
        AND submissions.started_at >= %(before)s)
  AND NOT EXISTS (
      SELECT FROM consents
      WHERE consents.user_id = %(user_id)s AND consents.customer_id = customers.id AND consents.recorded_at >= %(before)s)
  AND NOT EXISTS (
      SELECT FROM enrolments
      WHERE enrolments.user_id = %(user_id)s AND enrolments.customer_id = customers.id AND left_at IS NULL)
  AND NOT EXISTS (
      SELECT FROM campaign_recipients AS recipient
      WHERE recipient.user_id = %(user_id)s AND recipient.customer_id = customers.id
        AND recipient.status IN ('pending', 'claimed', 'submitting', 'unknown'))
  AND NOT EXISTS (
      SELECT FROM customers AS sharing
      JOIN campaign_recipients AS recipient
          ON recipient.user_id = sharing.user_id AND recipient.customer_id = sharing.id
              AND recipient.status IN ('pending', 'claimed', 'submitting', 'unknown')
      WHERE sharing.user_id = %(user_id)s AND sharing.phone_number = customers.phone_number)
ORDER BY customers.id
FOR UPDATE OF customers SKIP LOCKED

-- Reminders that wait for an appointment which is not there any more, or not then, or whose customer has another number:
-- pending -> cancelled. Returns them.
WITH moved AS MATERIALIZED (
    SELECT recipient.id
    FROM campaign_recipients AS recipient
    WHERE recipient.user_id = %(user_id)s AND recipient.campaign_id = %(campaign_id)s
      AND recipient.appointment_at > %(now)s AND recipient.status = 'pending'
      AND NOT EXISTS (
          SELECT FROM customers
          WHERE customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
            AND customers.next_appointment_at = recipient.appointment_at
            AND customers.phone_number = recipient.phone_number)
    ORDER BY recipient.id
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaign_recipients AS recipient
SET status = 'cancelled', reason = 'appointment_changed', updated_at = %(now)s
FROM moved
WHERE recipient.user_id = %(user_id)s AND recipient.id = moved.id AND recipient.status = 'pending'
RETURNING recipient.id

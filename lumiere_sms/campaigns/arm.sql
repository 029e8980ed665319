-- The only gate before the wire: claimed -> submitting, with the submission row whose id is the attempt id.
-- A row passes only by the holder's fence, with `lease_left` to go, unexpired, early enough for its window, its number not
-- suppressed nor refused by anyone who has it, nor by its customer, whatever number they have by now (but by the refusal
-- that it confirms, while that stands), its campaign among those that run and are held (hold_running.sql), of a kind whose
-- consent its customer has not taken back since; and a reminder only while its customer has that appointment, and that
-- number; nobody passes who was erased, nor who has a text of an earlier attempt already, but for one that its carrier
-- gave up.
-- What it reserves, and from which budgets: arrays that are empty where there is no budget.
-- A sub-select for one row, where EXISTS would do: the planner may hash that, over all that the tenant ever submitted.
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM unnest(%(ids)b::uuid[], %(fences)s::integer[], %(attempt_ids)b::uuid[], %(senders)b::text[],
            %(leave_bys)b::timestamptz[], %(reserved)s::numeric[], %(month_budget_ids)s::uuid[],
            %(campaign_budget_ids)s::uuid[])
        AS asked (id, fence, attempt_id, sender, leave_by, reserved, month_budget_id, campaign_budget_id)
), armed AS (
    UPDATE campaign_recipients AS recipient
    SET status = 'submitting', attempt = recipient.attempt + 1, provider = %(provider)s
    FROM wanted
    WHERE recipient.user_id = %(user_id)s AND recipient.id = wanted.id AND recipient.fence = wanted.fence
      AND recipient.status = 'claimed' AND recipient.claimed_by = %(daemon)s
      AND recipient.claimed_until >= coalesce(%(now)s::timestamptz, now()) + %(lease_left)s::interval
      AND recipient.expires_at > coalesce(%(now)s::timestamptz, now())
      AND (wanted.leave_by IS NULL OR wanted.leave_by >= coalesce(%(now)s::timestamptz, now()))
      AND recipient.campaign_id = ANY (%(campaign_ids)s::uuid[])
      AND NOT EXISTS (
          SELECT FROM suppressions
          WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = recipient.phone_number
            AND suppressions.id IS DISTINCT FROM recipient.confirms)
      AND (recipient.confirms IS NULL OR EXISTS (
          SELECT FROM suppressions
          WHERE suppressions.user_id = %(user_id)s AND suppressions.id = recipient.confirms))
      AND (recipient.confirms IS NOT NULL OR NOT EXISTS (
          SELECT FROM customers
          WHERE customers.user_id = %(user_id)s AND customers.phone_number = recipient.phone_number
            AND customers.opt_out_date IS NOT NULL))
      AND NOT EXISTS (
          SELECT FROM customers
          WHERE customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
            AND (customers.opt_out_date IS NOT NULL AND recipient.confirms IS NULL
                OR recipient.campaign_id = ANY (%(promotional_ids)s::uuid[]) AND NOT customers.allow_promotional
                OR recipient.campaign_id = ANY (%(reminder_ids)s::uuid[]) AND NOT customers.allow_reminders))
      AND (recipient.appointment_at IS NULL OR EXISTS (
          SELECT FROM customers
          WHERE customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
            AND customers.next_appointment_at = recipient.appointment_at
            AND customers.phone_number = recipient.phone_number))
      AND NOT EXISTS (
          SELECT FROM erasures WHERE erasures.user_id = %(user_id)s AND erasures.id = recipient.customer_id)
      AND (recipient.attempt = 0 OR (
          SELECT submissions.id FROM submissions
          WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = recipient.phone_number -- the index
            AND submissions.recipient_id = recipient.id AND submissions.outcome = 'accepted'
            AND coalesce(submissions.receipt_status, '') NOT IN ('undelivered', 'failed')
          LIMIT 1) IS NULL)
    RETURNING recipient.id, recipient.occurrence_id, recipient.phone_number, recipient.segments_used, recipient.attempt,
        wanted.attempt_id, wanted.sender, wanted.reserved, wanted.month_budget_id, wanted.campaign_budget_id
)
INSERT INTO submissions
    (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts, started_at,
     reserved, month_budget_id, campaign_budget_id)
SELECT %(user_id)s, attempt_id, id, occurrence_id, phone_number, %(provider)s, sender, attempt, segments_used,
    coalesce(%(now)s::timestamptz, now()), reserved, month_budget_id, campaign_budget_id
FROM armed
RETURNING id

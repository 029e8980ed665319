-- People in a sequence go on, wait or leave, each only from the step that they were at: one compare-and-set a person.
-- Returns who did.
UPDATE enrolments AS enrolment
SET steps_done = fate.after, next_at = fate.next_at, left_reason = fate.left_reason,
    left_at = CASE WHEN fate.left_reason IS NOT NULL THEN %(now)s::timestamptz END,
    recipient_id = coalesce(fate.recipient_id, enrolment.recipient_id),
    phone_number = coalesce(fate.phone_number, enrolment.phone_number)
FROM unnest(%(ids)s::uuid[], %(befores)s::smallint[], %(afters)s::smallint[], %(next_ats)s::timestamptz[],
        %(left_reasons)s::text[], %(recipient_ids)s::uuid[], %(phones)s::text[])
    AS fate (id, before, after, next_at, left_reason, recipient_id, phone_number)
WHERE enrolment.user_id = %(user_id)s AND enrolment.id = fate.id AND enrolment.steps_done = fate.before
  AND enrolment.left_at IS NULL
RETURNING enrolment.id

-- Whom of one run a retry would be about, by time zone, preferred hours and a sequence's step: how many,
-- and how many of these are not texted any more.
SELECT recipient.timezone, recipient.preferred_time,
    CASE WHEN recipient.step ~ '^[0-9]+(/|$)' THEN split_part(recipient.step, '/', 1) ELSE '' END AS step,
    count(*) AS recipients, count(*) FILTER (WHERE EXISTS (
        SELECT FROM suppressions
        WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = recipient.phone_number)
    OR EXISTS (
        SELECT FROM customers
        WHERE customers.user_id = %(user_id)s AND customers.phone_number = recipient.phone_number
          AND customers.opt_out_date IS NOT NULL)) AS suppressed
FROM campaign_recipients AS recipient
WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
  AND recipient.status = ANY (%(statuses)s::text[])
  AND recipient.personalized_content <> '' -- not erased, nor kept no longer
  AND (cardinality(%(codes)s::text[]) = 0 OR recipient.error_code = ANY (%(codes)s::text[]))
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

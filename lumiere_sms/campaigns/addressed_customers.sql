-- Some numbers in the order given, each with the customer who has it (of several, the one who is meant, else the one with
-- the latest visit) if there is one, and why it is not texted: opted_out (a refusal by anyone who has it), suppressed, or NULL.
SELECT asked.phone_number AS asked, customer.*,
    CASE
        WHEN suppression.reason = 'opted_out' OR EXISTS (
            SELECT FROM customers AS refusing
            WHERE refusing.user_id = %(user_id)s AND refusing.phone_number = asked.phone_number
              AND refusing.opt_out_date IS NOT NULL) THEN 'opted_out'
        WHEN suppression.id IS NOT NULL THEN 'suppressed'
    END AS exclusion
FROM unnest(%(phones)s::text[], %(customers)s::uuid[]) WITH ORDINALITY AS asked (phone_number, customer_id, place)
LEFT JOIN LATERAL (
    SELECT * FROM customers
    WHERE customers.user_id = %(user_id)s AND customers.phone_number = asked.phone_number
    ORDER BY (customers.id = asked.customer_id) IS TRUE DESC, customers.last_visit_date DESC NULLS LAST, customers.id
    LIMIT 1) AS customer ON true
LEFT JOIN suppressions AS suppression
    ON suppression.user_id = %(user_id)s AND suppression.phone_number = asked.phone_number
ORDER BY asked.place

-- Hold the stored customers of whom a list has just told a yes, and say who of them has refused since they were matched: who
-- refuses by a link, or by what a provider says, waits for no list.
WITH held AS (
    SELECT customers.id, customers.opt_out_date
    FROM customers
    WHERE customers.user_id = %(user_id)s AND customers.id IN (
        SELECT consents.customer_id
        FROM import_matches
        JOIN consents ON consents.user_id = %(user_id)s AND consents.customer_id = import_matches.customer_id
            AND consents.audit_id = %(audit_id)s AND consents.is_granted)
    ORDER BY customers.id
    FOR NO KEY UPDATE
)
SELECT id FROM held WHERE opt_out_date IS NOT NULL

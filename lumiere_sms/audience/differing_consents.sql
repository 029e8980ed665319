-- How often the newest consent of a customer and purpose says something else than what holds. Whoever has none is left
-- out: what they agreed to was written down before consents were.
SELECT count(*) AS differing
FROM (
    SELECT DISTINCT ON (consents.customer_id, consents.purpose)
        consents.customer_id, consents.purpose, consents.is_granted
    FROM consents
    WHERE consents.user_id = %(user_id)s
    ORDER BY consents.customer_id, consents.purpose, consents.at DESC, consents.id DESC
) AS newest
JOIN customers ON customers.user_id = %(user_id)s AND customers.id = newest.customer_id
WHERE newest.is_granted <> (
    customers.opt_out_date IS NULL
    AND CASE newest.purpose WHEN 'promotional' THEN customers.allow_promotional ELSE customers.allow_reminders END)

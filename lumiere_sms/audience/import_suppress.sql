-- Suppress the numbers of those who refused, whoever else has them, since the day on which they did. A refusal outranks
-- all reasons but a complaint, and an earlier one by an answer or a link, which a START would lift.
INSERT INTO suppressions (user_id, id, phone_number, reason, source, created_at)
SELECT DISTINCT ON (customers.phone_number)
       %(user_id)s, import_rows.id, customers.phone_number, 'opted_out', 'import', import_rows.opt_out_date
FROM import_rows
LEFT JOIN import_matches ON import_matches.line = import_rows.line
JOIN customers
    ON customers.user_id = %(user_id)s AND customers.id = coalesce(import_matches.customer_id, import_rows.id)
WHERE import_rows.opt_out_date IS NOT NULL
  AND customers.phone_number IS NOT NULL
ORDER BY customers.phone_number, import_rows.line
ON CONFLICT (user_id, phone_number) DO UPDATE
SET reason = excluded.reason, source = excluded.source, created_at = excluded.created_at
WHERE suppressions.reason NOT IN ('opted_out', 'complaint')
   OR (suppressions.reason = 'opted_out' AND suppressions.source IN ('reply', 'link')
       AND excluded.created_at > suppressions.created_at)

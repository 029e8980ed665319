-- Hold the stored customers of whom a list tells a refusal, and note whether they have refused by now: who refuses by a link
-- or by what a provider says, or whose refusal is lifted, waits for no list before this.
WITH held AS (
    SELECT import_matches.line, import_rows.opt_out_date AS listed, customers.opt_out_date AS stored
    FROM import_matches
    JOIN import_rows ON import_rows.line = import_matches.line
    JOIN customers ON customers.user_id = %(user_id)s AND customers.id = import_matches.customer_id
    WHERE import_rows.opt_out_date IS NOT NULL
    ORDER BY customers.id
    FOR NO KEY UPDATE OF customers
)
UPDATE import_matches
SET was_refused = held.stored IS NOT NULL,
    changes = import_matches.changes OR held.stored IS DISTINCT FROM least(held.listed, held.stored)
FROM held
WHERE import_matches.line = held.line

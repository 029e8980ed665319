-- Takes out the rows that cannot be told from another row or from several customers, and notes why, one reason a row.
-- Of rows that clash with each other the first stays.
WITH numbers AS (
    SELECT import_rows.external_id, min(import_rows.line) AS first_line
    FROM import_rows
    WHERE import_rows.external_id IS NOT NULL
    GROUP BY import_rows.external_id
    HAVING count(*) > 1
), people AS (
    SELECT import_rows.phone_number,
           coalesce(import_rows.last_name, '') AS last_name,
           coalesce(import_rows.first_name, '') AS first_name,
           min(import_rows.line) AS first_line,
           min(import_rows.line) FILTER (WHERE import_rows.external_id IS NOT NULL) AS numbered_line
    FROM import_rows
    WHERE EXISTS (SELECT FROM import_rows AS bare WHERE bare.external_id IS NULL)
    GROUP BY 1, 2, 3
    HAVING count(*) > 1 AND bool_or(import_rows.external_id IS NULL)
), matches AS (
    SELECT import_matches.customer_id, min(import_matches.line) AS first_line
    FROM import_matches
    GROUP BY import_matches.customer_id
    HAVING count(*) > 1
), found AS (
    SELECT import_rows.line, 1 AS rank, 'external_id' AS kind, numbers.first_line AS other
    FROM import_rows
    JOIN numbers ON numbers.external_id = import_rows.external_id AND numbers.first_line < import_rows.line
    UNION ALL
    SELECT import_rows.line, 2, 'person', coalesce(people.numbered_line, people.first_line)
    FROM import_rows
    JOIN people ON people.phone_number = import_rows.phone_number
        AND people.last_name = coalesce(import_rows.last_name, '')
        AND people.first_name = coalesce(import_rows.first_name, '')
    WHERE import_rows.external_id IS NULL
      AND (people.numbered_line IS NOT NULL OR people.first_line < import_rows.line)
    UNION ALL
    SELECT import_matches.line, 3, 'several', import_matches.candidates
    FROM import_matches
    WHERE import_matches.candidates > 1
    UNION ALL
    SELECT import_matches.line, 4, 'customer', matches.first_line
    FROM import_matches
    JOIN matches ON matches.customer_id = import_matches.customer_id AND matches.first_line < import_matches.line
), noted AS (
    INSERT INTO import_clashes (line, kind, other)
    SELECT DISTINCT ON (found.line) found.line, found.kind, found.other
    FROM found
    ORDER BY found.line, found.rank
    RETURNING line
), unmatched AS (
    DELETE FROM import_matches USING noted WHERE import_matches.line = noted.line
)
DELETE FROM import_rows USING noted WHERE import_rows.line = noted.line

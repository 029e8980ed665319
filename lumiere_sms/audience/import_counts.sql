-- What the rows that are left will do, and how many were taken out for a clash.
SELECT (SELECT count(*) FROM import_rows) - (SELECT count(*) FROM import_matches) AS created,
       (SELECT count(*) FROM import_matches WHERE import_matches.changes) AS updated,
       (SELECT count(*) FROM import_matches WHERE NOT import_matches.changes) AS unchanged,
       (SELECT count(*) FROM import_rows WHERE import_rows.opt_out_date IS NOT NULL) AS opted_out,
       (SELECT count(*) FROM import_clashes) AS clashes

-- Where an import notes the rows that it cannot take, until its transaction ends.
CREATE TEMP TABLE import_clashes (
    line  integer NOT NULL,
    kind  text NOT NULL,
    other integer NOT NULL
) ON COMMIT DROP

-- Where an import notes which stored customer a row is, until its transaction ends.
CREATE TEMP TABLE import_matches (
    line        integer NOT NULL,
    customer_id uuid NOT NULL,
    candidates  integer NOT NULL,
    changes     boolean NOT NULL
) ON COMMIT DROP

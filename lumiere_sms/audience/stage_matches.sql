-- Where an import notes which stored customer a row is, until its transaction ends. What a row says about texts does not
-- count where the person said something else later.
CREATE TEMP TABLE import_matches (
    line              integer NOT NULL,
    customer_id       uuid NOT NULL,
    candidates        integer NOT NULL,
    holds_promotional boolean NOT NULL,
    holds_reminders   boolean NOT NULL,
    was_promotional   boolean NOT NULL,
    was_reminders     boolean NOT NULL,
    was_refused       boolean NOT NULL,
    changes           boolean NOT NULL
) ON COMMIT DROP

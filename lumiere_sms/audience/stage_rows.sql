-- Where an import keeps the people it read, until its transaction ends.
CREATE TEMP TABLE import_rows (
    line                integer NOT NULL,
    id                  uuid NOT NULL,
    external_id         text,
    phone_number        text,
    last_name           text,
    first_name          text,
    total_sales         numeric(14, 2),
    visit_count         integer,
    last_visit_date     date,
    next_appointment_at timestamptz,
    birthday            date,
    tags                text[],
    allow_promotional   boolean,
    allow_reminders     boolean,
    preferred_time      text,
    timezone            text,
    opt_out_date        timestamptz,
    consent_date        timestamptz,
    consent_source      text,
    consent_wording     text,
    attributes          jsonb
) ON COMMIT DROP

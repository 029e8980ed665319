-- Change the stored customers whom a row says something new about. What a row leaves empty stays.
-- A refusal is never lifted, and the first one counts; what a person took back later than the list says stays so.
UPDATE customers
SET external_id = coalesce(import_rows.external_id, customers.external_id),
    phone_number = coalesce(import_rows.phone_number, customers.phone_number),
    last_name = coalesce(import_rows.last_name, customers.last_name),
    first_name = coalesce(import_rows.first_name, customers.first_name),
    total_sales = coalesce(import_rows.total_sales, customers.total_sales),
    visit_count = coalesce(import_rows.visit_count, customers.visit_count),
    last_visit_date = coalesce(import_rows.last_visit_date, customers.last_visit_date),
    next_appointment_at = coalesce(import_rows.next_appointment_at, customers.next_appointment_at),
    birthday = coalesce(import_rows.birthday, customers.birthday),
    tags = coalesce(import_rows.tags, customers.tags),
    allow_promotional = CASE
        WHEN import_matches.holds_promotional THEN customers.allow_promotional
        ELSE coalesce(import_rows.allow_promotional, %(agreed)s OR customers.allow_promotional)
    END,
    allow_reminders = CASE
        WHEN import_matches.holds_reminders THEN customers.allow_reminders
        ELSE coalesce(import_rows.allow_reminders, customers.allow_reminders)
    END,
    preferred_time = coalesce(import_rows.preferred_time, customers.preferred_time),
    timezone = coalesce(import_rows.timezone, customers.timezone),
    opt_out_date = least(import_rows.opt_out_date, customers.opt_out_date),
    attributes = customers.attributes || coalesce(import_rows.attributes, '{}'),
    updated_at = now()
FROM import_rows
JOIN import_matches ON import_matches.line = import_rows.line
WHERE customers.user_id = %(user_id)s
  AND customers.id = import_matches.customer_id
  AND import_matches.changes

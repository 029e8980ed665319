-- Add the people of the rows that are no stored customer.
INSERT INTO customers (
    user_id, id, external_id, phone_number, last_name, first_name, total_sales, visit_count, last_visit_date,
    next_appointment_at, birthday, tags, allow_promotional, allow_reminders, preferred_time, timezone, opt_out_date,
    attributes
)
SELECT %(user_id)s, import_rows.id, import_rows.external_id, import_rows.phone_number, import_rows.last_name,
       import_rows.first_name, coalesce(import_rows.total_sales, 0), coalesce(import_rows.visit_count, 0),
       import_rows.last_visit_date, import_rows.next_appointment_at, import_rows.birthday,
       coalesce(import_rows.tags, '{}'), coalesce(import_rows.allow_promotional, %(agreed)s),
       coalesce(import_rows.allow_reminders, true), import_rows.preferred_time, import_rows.timezone,
       import_rows.opt_out_date, coalesce(import_rows.attributes, '{}')
FROM import_rows
WHERE NOT EXISTS (SELECT FROM import_matches WHERE import_matches.line = import_rows.line)

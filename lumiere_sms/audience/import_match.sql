-- Which stored customer each staged row is, and whether the row would change anything.
-- By external id; else by phone and name, where a name that the row leaves empty may be any. A row with an external
-- id takes over only a customer who has none. An equal name beats one that may be any; `candidates` counts the equals.
-- A yes to texts that is new holds back (`holds_…`) where the person refused since, or took it back on a later day than the
-- list names; where it names none, where they took it back themselves, whatever no a list told of since. A no never does:
-- the day is when they agreed.
INSERT INTO import_matches (line, customer_id, candidates, holds_promotional, holds_reminders, was_promotional,
    was_reminders, was_refused, changes)
WITH by_external_id AS (
    SELECT import_rows.line, customers.id AS customer_id
    FROM import_rows
    JOIN customers ON customers.user_id = %(user_id)s AND customers.external_id = import_rows.external_id
), by_phone AS (
    SELECT import_rows.line,
           customers.id AS customer_id,
           import_rows.last_name IS NOT DISTINCT FROM customers.last_name
               AND import_rows.first_name IS NOT DISTINCT FROM customers.first_name AS exact
    FROM import_rows
    JOIN customers ON customers.user_id = %(user_id)s AND customers.phone_number = import_rows.phone_number
    WHERE (import_rows.external_id IS NULL OR customers.external_id IS NULL)
      AND (import_rows.last_name IS NULL OR import_rows.last_name = customers.last_name)
      AND (import_rows.first_name IS NULL OR import_rows.first_name = customers.first_name)
      AND NOT EXISTS (SELECT FROM by_external_id WHERE by_external_id.line = import_rows.line)
), ranked AS (
    SELECT by_phone.line,
           by_phone.customer_id,
           row_number() OVER nearest AS turn,
           count(*) OVER (PARTITION BY by_phone.line, by_phone.exact) AS candidates
    FROM by_phone
    WINDOW nearest AS (PARTITION BY by_phone.line ORDER BY by_phone.exact DESC)
), matched AS (
    SELECT by_external_id.line, by_external_id.customer_id, 1 AS candidates FROM by_external_id
    UNION ALL
    SELECT ranked.line, ranked.customer_id, ranked.candidates FROM ranked WHERE ranked.turn = 1
)
SELECT matched.line,
       matched.customer_id,
       matched.candidates,
       held.promotional,
       held.reminders,
       customers.allow_promotional,
       customers.allow_reminders,
       customers.opt_out_date IS NOT NULL,
       (
           customers.external_id, customers.phone_number, customers.last_name, customers.first_name,
           customers.total_sales, customers.visit_count, customers.last_visit_date, customers.next_appointment_at,
           customers.birthday, customers.tags, customers.allow_promotional, customers.allow_reminders,
           customers.preferred_time, customers.timezone, customers.opt_out_date, customers.attributes
       ) IS DISTINCT FROM (
           coalesce(import_rows.external_id, customers.external_id),
           coalesce(import_rows.phone_number, customers.phone_number),
           coalesce(import_rows.last_name, customers.last_name),
           coalesce(import_rows.first_name, customers.first_name),
           coalesce(import_rows.total_sales, customers.total_sales),
           coalesce(import_rows.visit_count, customers.visit_count),
           coalesce(import_rows.last_visit_date, customers.last_visit_date),
           coalesce(import_rows.next_appointment_at, customers.next_appointment_at),
           coalesce(import_rows.birthday, customers.birthday),
           coalesce(import_rows.tags, customers.tags),
           CASE
               WHEN held.promotional THEN customers.allow_promotional
               ELSE coalesce(import_rows.allow_promotional, %(agreed)s OR customers.allow_promotional)
           END,
           CASE
               WHEN held.reminders THEN customers.allow_reminders
               ELSE coalesce(import_rows.allow_reminders, customers.allow_reminders)
           END,
           coalesce(import_rows.preferred_time, customers.preferred_time),
           coalesce(import_rows.timezone, customers.timezone),
           least(import_rows.opt_out_date, customers.opt_out_date),
           customers.attributes || coalesce(import_rows.attributes, '{}')
       ) AS changes
FROM matched
JOIN import_rows ON import_rows.line = matched.line
JOIN customers ON customers.user_id = %(user_id)s AND customers.id = matched.customer_id
CROSS JOIN LATERAL (
    SELECT CASE
               WHEN said.promotional IS NOT TRUE OR customers.allow_promotional THEN false
               WHEN customers.opt_out_date IS NOT NULL THEN true
               ELSE coalesce((
                   SELECT NOT consents.is_granted AND coalesce(consents.at >= import_rows.consent_date, true)
                   FROM consents
                   WHERE consents.user_id = %(user_id)s AND consents.customer_id = customers.id
                     AND consents.purpose = 'promotional'
                     AND (import_rows.consent_date IS NOT NULL OR consents.is_granted OR consents.source <> 'import')
                   ORDER BY consents.at DESC, consents.id DESC
                   LIMIT 1), false)
           END AS promotional,
           CASE
               WHEN import_rows.allow_reminders IS NOT TRUE OR customers.allow_reminders THEN false
               WHEN customers.opt_out_date IS NOT NULL THEN true
               ELSE coalesce((
                   SELECT NOT consents.is_granted AND coalesce(consents.at >= import_rows.consent_date, true)
                   FROM consents
                   WHERE consents.user_id = %(user_id)s AND consents.customer_id = customers.id
                     AND consents.purpose = 'reminder'
                     AND (import_rows.consent_date IS NOT NULL OR consents.is_granted OR consents.source <> 'import')
                   ORDER BY consents.at DESC, consents.id DESC
                   LIMIT 1), false)
           END AS reminders
    FROM (
        SELECT coalesce(import_rows.allow_promotional, CASE WHEN %(agreed)s THEN true END) AS promotional
    ) AS said
    OFFSET 0
) AS held

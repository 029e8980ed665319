-- One row for each customer of a tenant whom {{who}} holds for: the customer's columns, and `exclusion`,
-- the first reason that leaves this person out, NULL for one who is kept; until when the frequency cap of the type
-- has them wait (`capped_until`).
--
-- {{who}} is the text of an expression over customers (compile.py). It is read twice: first, narrow, for the numbers
-- that several people who could be texted share; then for the rows, given out as they are found, so that a million
-- of them are neither sorted nor kept anywhere. What is different where one text goes to all who share a number
-- (sharing.py) stands in {{named}}, {{names}}, {{among_named}} and {{shared}}.
WITH refused AS MATERIALIZED (
    SELECT refusals.phone_number, bool_or(refusals.opted_out) AS opted_out
    FROM (
        SELECT suppressions.phone_number, suppressions.reason = 'opted_out' AS opted_out
        FROM suppressions
        WHERE suppressions.user_id = %(user_id)s
        UNION ALL
        SELECT customers.phone_number, true
        FROM customers
        WHERE customers.user_id = %(user_id)s
          AND customers.opt_out_date IS NOT NULL AND customers.phone_number IS NOT NULL
    ) AS refusals
    GROUP BY refusals.phone_number
), textable AS NOT MATERIALIZED (
    SELECT customers.id, customers.phone_number, customers.last_visit_date, customers.first_name, customers.last_name
    FROM customers
    WHERE customers.user_id = %(user_id)s
      AND customers.phone_number IS NOT NULL
      AND CASE %(campaign_type)s::text
              WHEN 'promotional' THEN customers.allow_promotional
              WHEN 'drip' THEN customers.allow_promotional
              WHEN 'reminder' THEN customers.allow_reminders
              ELSE true
          END
      AND NOT EXISTS (SELECT FROM refused WHERE refused.phone_number = customers.phone_number)
      AND ({who})
), shared AS MATERIALIZED (
    SELECT textable.phone_number
    FROM textable
    GROUP BY textable.phone_number
    HAVING count(*) > 1
), further AS MATERIALIZED (
    SELECT ranked.id
    FROM (
        SELECT textable.id,
               row_number() OVER (
                   PARTITION BY textable.phone_number
                   ORDER BY textable.last_visit_date DESC NULLS LAST, textable.id
               ) AS place
        FROM textable
        WHERE textable.phone_number IN (SELECT shared.phone_number FROM shared)
    ) AS ranked
    WHERE ranked.place > 1
){named}
SELECT customers.*,
       CASE
           WHEN customers.phone_number IS NULL THEN 'no_phone'
           WHEN refused.opted_out THEN 'opted_out'
           WHEN refused.phone_number IS NOT NULL THEN 'suppressed'
           WHEN %(campaign_type)s::text IN ('promotional', 'drip') AND NOT customers.allow_promotional THEN 'no_consent'
           WHEN %(campaign_type)s::text = 'reminder' AND NOT customers.allow_reminders THEN 'no_consent'
           WHEN further.id IS NOT NULL THEN {shared}
       END AS exclusion,
       {capped_until} AS capped_until, {names} AS names
FROM customers
LEFT JOIN refused ON refused.phone_number = customers.phone_number
LEFT JOIN further ON further.id = customers.id{among_named}
WHERE customers.user_id = %(user_id)s
  AND ({who})

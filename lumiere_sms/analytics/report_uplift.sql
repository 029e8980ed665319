-- Those of some runs who were held out, and all others who were to get a text, whatever became of it: how many people, and how
-- many visited from the day of the launch on. So both are counted from the same day, and nothing but the lot parts them.
SELECT people.is_held_out, count(*) AS people, count(*) FILTER (WHERE people.has_visited) AS visits
FROM (
    SELECT coalesce(recipient.reason = 'holdout', false) AS is_held_out,
        -- who was erased has another stand-in for the number in each text, and one id in all of them
        coalesce(CASE WHEN starts_with(recipient.phone_number, 'erased:') THEN recipient.customer_id::text END,
            recipient.phone_number) AS person,
        bool_or(coalesce(customers.last_visit_date >= (run.launched_at AT TIME ZONE recipient.timezone)::date, false))
            AS has_visited
    FROM campaign_recipients AS recipient
    JOIN campaign_occurrences AS run ON run.user_id = %(user_id)s AND run.id = recipient.occurrence_id
    LEFT JOIN customers ON customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
    WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = ANY (%(occurrence_ids)s::uuid[])
    GROUP BY person, is_held_out
) AS people
GROUP BY people.is_held_out

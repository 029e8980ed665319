-- What a look came to is added to a day's figures: people, cost, exclusions by reason.
UPDATE campaign_occurrences AS occurrence
SET audience_size = coalesce(occurrence.audience_size, 0) + %(matched)s,
    cost_estimate = coalesce(occurrence.cost_estimate, 0) + %(cost)s,
    exclusions = (
        SELECT coalesce(jsonb_object_agg(summed.reason, summed.people), '{}')
        FROM (
            SELECT counted.reason, sum(counted.people::integer) AS people
            FROM (
                SELECT * FROM jsonb_each_text(occurrence.exclusions)
                UNION ALL
                SELECT * FROM jsonb_each_text(%(exclusions)s::jsonb)
            ) AS counted (reason, people)
            GROUP BY counted.reason
        ) AS summed)
WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s

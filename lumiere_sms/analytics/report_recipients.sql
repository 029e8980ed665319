-- The recipients of a campaign by exclusive status: how many, and the parts and cost of those that a provider accepted.
-- Those held out are counted as left out.
SELECT status, count(*) AS recipients,
    coalesce(sum(segments_used) FILTER (WHERE status IN ('sent', 'delivered', 'bounced')), 0) AS parts,
    coalesce(sum(cost), 0) AS cost, max(currency) AS currency
FROM campaign_recipients
WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[]) AND reason IS DISTINCT FROM 'holdout'
GROUP BY status
ORDER BY status

-- How many recipients of some campaigns are in each status. Those held out are counted as left out.
SELECT campaign_id, status, count(*) AS recipients
FROM campaign_recipients
WHERE user_id = %(user_id)s AND occurrence_id = ANY (ARRAY(
    SELECT id FROM campaign_occurrences WHERE user_id = %(user_id)s AND campaign_id = ANY (%(campaign_ids)s::uuid[])))
  AND reason IS DISTINCT FROM 'holdout'
GROUP BY campaign_id, status

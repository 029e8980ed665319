-- How many runs were launched, by local day and campaign.
SELECT (occurrence.launched_at AT TIME ZONE %(zone)s)::date AS day, campaign.name AS campaign, count(*) AS runs
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
WHERE occurrence.user_id = %(user_id)s AND occurrence.launched_at >= %(begins)s AND occurrence.launched_at < %(until)s
GROUP BY 1, 2
ORDER BY 1, 2

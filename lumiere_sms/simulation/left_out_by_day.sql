-- Who was left out where runs were launched, by local day, campaign and reason.
SELECT (occurrence.launched_at AT TIME ZONE %(zone)s)::date AS day, campaign.name AS campaign,
    excluded.key AS reason, sum(excluded.value::bigint) AS people
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
CROSS JOIN LATERAL jsonb_each_text(occurrence.exclusions) AS excluded
WHERE occurrence.user_id = %(user_id)s AND occurrence.launched_at >= %(begins)s AND occurrence.launched_at < %(until)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, people DESC, 3

-- What became of the recipients of a campaign by the hour in which they were submitted; refused ones by the hour of the refusal.
SELECT date_trunc('hour', coalesce(sent_at, updated_at), %(zone)s) AS hour,
    count(*) FILTER (WHERE status <> 'failed') AS sent,
    count(*) FILTER (WHERE status = 'delivered') AS delivered,
    count(*) FILTER (WHERE status = 'bounced') AS bounced,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    coalesce(sum(segments_used) FILTER (WHERE status <> 'failed'), 0) AS parts,
    coalesce(sum(cost), 0) AS cost
FROM campaign_recipients
WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[])
  AND status IN ('sent', 'delivered', 'bounced', 'failed')
GROUP BY hour
ORDER BY hour

-- How each provider did with the recipients of a campaign. `awaiting` are those whose receipt is still open.
SELECT provider,
    count(*) FILTER (WHERE status <> 'failed') AS sent,
    count(*) FILTER (WHERE status = 'delivered') AS delivered,
    count(*) FILTER (WHERE status = 'bounced') AS bounced,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'sent') AS awaiting,
    coalesce(sum(segments_used) FILTER (WHERE status <> 'failed'), 0) AS parts,
    coalesce(sum(cost), 0) AS cost,
    avg(delivered_at - sent_at) FILTER (WHERE status = 'delivered') AS average_delivery_time
FROM campaign_recipients
WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[])
  AND status IN ('sent', 'delivered', 'bounced', 'failed') AND provider IS NOT NULL
GROUP BY provider
ORDER BY provider

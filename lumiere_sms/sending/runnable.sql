-- cross-tenant: the occurrences that may be claimed from now, and the database's instant. Takes no locks.
SELECT occurrence.user_id, occurrence.id AS occurrence_id, occurrence.campaign_id, occurrence.priority,
    occurrence.batch_size, occurrence.send_rate_per_minute, occurrence.pace_tat, occurrence.definition,
    coalesce(tenant.sender, %(default_sender)s) AS sender, tenant.slug,
    coalesce(%(now)s::timestamptz, now()) AS now
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = occurrence.user_id AND campaign.id = occurrence.campaign_id
JOIN users AS tenant ON tenant.id = occurrence.user_id
WHERE occurrence.status = 'running' AND campaign.status = 'running'
  AND coalesce(tenant.sender, nullif(%(default_sender)s, '')) IS NOT NULL
ORDER BY occurrence.occurs_at, occurrence.id

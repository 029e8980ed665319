-- cross-tenant: the runs whose next wave is to be decided on, of campaigns that run. Takes no locks.
SELECT occurrence.user_id, occurrence.id AS occurrence_id
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = occurrence.user_id AND campaign.id = occurrence.campaign_id
WHERE occurrence.status = 'running' AND occurrence.advance_at <= coalesce(%(now)s::timestamptz, now())
  AND occurrence.phase IN ('canary', 'trial') AND campaign.status = 'running'
ORDER BY occurrence.advance_at, occurrence.id

-- cross-tenant: the occurrences whose time has come, urgent ones first, of campaigns that are not paused. Takes no locks.
SELECT occurrence.user_id, occurrence.id AS occurrence_id
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = occurrence.user_id AND campaign.id = occurrence.campaign_id
WHERE occurrence.status = 'scheduled' AND occurrence.occurs_at <= coalesce(%(now)s::timestamptz, now())
  AND campaign.status IN ('scheduled', 'running')
ORDER BY occurrence.priority <> 'urgent', occurrence.occurs_at, occurrence.id

-- cross-tenant: the queries that may stop a campaign, of those that run and of those to be launched now. Takes no locks.
SELECT campaign.user_id, campaign.id, campaign.name, campaign.definition ->> 'stop_when' AS query
FROM sms_campaigns AS campaign
WHERE campaign.status IN ('scheduled', 'running') AND campaign.definition ->> 'stop_when' IS NOT NULL
  AND (campaign.status = 'running' AND NOT %(only_due)s::boolean
      OR EXISTS (
          SELECT FROM campaign_occurrences AS occurrence
          WHERE occurrence.user_id = campaign.user_id AND occurrence.campaign_id = campaign.id
            AND occurrence.status = 'scheduled' AND occurrence.occurs_at <= coalesce(%(now)s::timestamptz, now())))
ORDER BY campaign.user_id, campaign.id

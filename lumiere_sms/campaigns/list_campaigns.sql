-- A page of the campaigns that are not archived, the newest first, each with its next or last time and how many there are in all.
SELECT campaign.name, campaign.type, campaign.status, campaign.status_reason, campaign.priority, campaign.scheduled_at,
    campaign.timezone, campaign.started_at, campaign.completed_at, campaign.cost_estimate, campaign.currency,
    campaign.revision, campaign.source, campaign.id, count(*) OVER () AS total,
    CASE WHEN campaign.repeat_pattern IS NOT NULL THEN (
        SELECT min(occurrence.occurs_at) FROM campaign_occurrences AS occurrence
        WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
          AND occurrence.status = 'scheduled') END AS next_at
FROM sms_campaigns AS campaign
WHERE campaign.user_id = %(user_id)s AND campaign.archived_at IS NULL
  AND (%(status)s::text IS NULL OR campaign.status = %(status)s)
  AND (%(type)s::text IS NULL OR campaign.type = %(type)s)
ORDER BY campaign.created_at DESC, campaign.id DESC
LIMIT %(limit)s OFFSET %(offset)s

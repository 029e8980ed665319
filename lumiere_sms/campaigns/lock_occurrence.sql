-- Hold one due occurrence and its campaign for a launch; nothing when another daemon holds them, or it is not due any more.
SELECT occurrence.id AS occurrence_id, occurrence.campaign_id, occurrence.occurs_at,
    campaign.name, campaign.definition, campaign.revision, campaign.source, campaign.scheduled_at
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s
  AND occurrence.status = 'scheduled' AND occurrence.occurs_at <= coalesce(%(now)s::timestamptz, now())
  AND campaign.status IN ('scheduled', 'running')
FOR NO KEY UPDATE SKIP LOCKED

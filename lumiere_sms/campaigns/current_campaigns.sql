-- The campaigns of some names that are not archived, each with its newest occurrence.
SELECT DISTINCT ON (campaign.name)
    campaign.id, campaign.name, campaign.status, campaign.definition, campaign.revision, campaign.source, campaign.overrides,
    campaign.scheduled_at, campaign.started_at, occurrence.launched_at, occurrence.revision AS launched_revision
FROM sms_campaigns AS campaign
LEFT JOIN campaign_occurrences AS occurrence
    ON occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
WHERE campaign.user_id = %(user_id)s AND campaign.name = ANY (%(names)s::text[]) AND campaign.archived_at IS NULL
ORDER BY campaign.name, occurrence.occurs_at DESC

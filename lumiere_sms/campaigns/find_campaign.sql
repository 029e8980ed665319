-- One campaign that is not archived, by its name, with its newest occurrence.
SELECT campaign.id, campaign.name, campaign.description, campaign.type, campaign.status, campaign.status_reason,
    campaign.status_by, campaign.priority, campaign.template_id, campaign.message_content, campaign.scheduled_at,
    campaign.timezone, campaign.target_criteria, campaign.estimated_recipients, campaign.batch_size,
    campaign.send_rate_per_minute, campaign.max_retries, campaign.expires_after, campaign.cost_estimate, campaign.currency,
    campaign.definition, campaign.revision, campaign.source, campaign.overrides, campaign.created_at,
    campaign.updated_at, campaign.started_at, campaign.completed_at, campaign.created_by,
    occurrence.id AS occurrence_id, occurrence.occurs_at, occurrence.status AS occurrence_status,
    occurrence.revision AS launched_revision, occurrence.launched_at, occurrence.audience_size, occurrence.exclusions,
    occurrence.phase, occurrence.advance_at, occurrence.winner, occurrence.decision
FROM sms_campaigns AS campaign
LEFT JOIN campaign_occurrences AS occurrence
    ON occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
WHERE campaign.user_id = %(user_id)s AND campaign.name = %(name)s AND campaign.archived_at IS NULL
ORDER BY occurrence.occurs_at DESC
LIMIT 1

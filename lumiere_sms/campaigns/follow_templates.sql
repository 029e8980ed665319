-- Campaigns that are not launched, or will be again, show the newest version of their template: what a launch will send.
UPDATE sms_campaigns AS campaign
SET template_id = template.id, message_content = template.content
FROM sms_templates AS template
WHERE campaign.user_id = %(user_id)s AND template.user_id = %(user_id)s AND template.is_current
  AND template.name = ANY (%(names)s::text[]) AND campaign.definition ->> 'template' = template.name
  AND (campaign.started_at IS NULL OR campaign.repeat_pattern IS NOT NULL)
  AND campaign.status IN ('draft', 'scheduled', 'paused', 'running')

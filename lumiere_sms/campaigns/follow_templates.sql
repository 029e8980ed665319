-- Campaigns that are not launched show the newest version of their template: it is what their launch will send.
UPDATE sms_campaigns AS campaign
SET template_id = template.id, message_content = template.content
FROM sms_templates AS template
WHERE campaign.user_id = %(user_id)s AND template.user_id = %(user_id)s AND template.is_current
  AND template.name = ANY (%(names)s::text[]) AND campaign.definition ->> 'template' = template.name
  AND campaign.started_at IS NULL AND campaign.status IN ('draft', 'scheduled', 'paused')

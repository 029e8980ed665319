-- Current templates by name, with how often and when last a campaign was launched with any version of each.
-- name, category: null for all.
SELECT template.*, coalesce(usage.usage_count, 0) AS usage_count, usage.last_used_at
FROM sms_templates AS template
LEFT JOIN (
    SELECT version.name, count(*) AS usage_count, max(occurrence.launched_at) AS last_used_at
    FROM campaign_occurrences AS occurrence
    JOIN sms_templates AS version ON version.user_id = %(user_id)s AND version.id = occurrence.template_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.launched_at IS NOT NULL
    GROUP BY version.name
) AS usage ON usage.name = template.name
WHERE template.user_id = %(user_id)s AND template.is_current
  AND (%(name)s::text IS NULL OR template.name = %(name)s)
  AND (%(category)s::text IS NULL OR template.category = %(category)s)
ORDER BY template.name

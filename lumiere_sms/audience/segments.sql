-- The tenant's segments by name; one only where %(name)s is given. `revision`: which one is in force.
-- `campaigns`: how many campaigns that are not over name it, in whatever criteria.
SELECT audience_segments.id,
       audience_segments.name,
       audience_segments.description,
       audience_segments.criteria,
       audience_segments.is_dynamic,
       audience_segments.is_active,
       audience_segments.estimated_size,
       audience_segments.last_calculated_at,
       coalesce((
        SELECT max(segment_revisions.revision)
        FROM segment_revisions
        WHERE segment_revisions.user_id = %(user_id)s
          AND segment_revisions.segment_id = audience_segments.id), 0) AS revision,
       (SELECT count(*)
        FROM segment_members
        WHERE segment_members.user_id = %(user_id)s
          AND segment_members.segment_id = audience_segments.id) AS members,
       (SELECT count(*)
        FROM sms_campaigns
        WHERE sms_campaigns.user_id = %(user_id)s
          AND sms_campaigns.archived_at IS NULL
          AND sms_campaigns.status IN ('draft', 'scheduled', 'running', 'paused')
          AND (sms_campaigns.target_criteria ->> 'segment' = audience_segments.name
               OR jsonb_path_exists(sms_campaigns.definition, '$.**.in_segment ? (@ == $name)',
                   jsonb_build_object('name', audience_segments.name))
               OR jsonb_path_exists(sms_campaigns.definition, '$.**.inSegment ? (@ == $name)',
                   jsonb_build_object('name', audience_segments.name)))) AS campaigns
FROM audience_segments
WHERE audience_segments.user_id = %(user_id)s
  AND (%(name)s::text IS NULL OR audience_segments.name = %(name)s)
ORDER BY audience_segments.name

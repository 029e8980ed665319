-- Keep what a segment is from now on, as the next of its revisions, unless it is what the last one says.
INSERT INTO segment_revisions (user_id, id, segment_id, revision, criteria, members)
SELECT %(user_id)s, %(id)s, %(segment_id)s, coalesce(last.revision, 0) + 1, %(criteria)s::jsonb, %(members)s::uuid[]
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    SELECT segment_revisions.revision, segment_revisions.criteria, segment_revisions.members
    FROM segment_revisions
    WHERE segment_revisions.user_id = %(user_id)s AND segment_revisions.segment_id = %(segment_id)s
    ORDER BY segment_revisions.revision DESC
    LIMIT 1
) AS last ON true
WHERE last.revision IS NULL
   OR last.criteria <> %(criteria)s::jsonb OR last.members IS DISTINCT FROM %(members)s::uuid[]

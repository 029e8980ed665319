-- Make a segment or change the one of that name; gives back its key. The size of a changed one is not known any more.
INSERT INTO audience_segments (user_id, id, name, description, criteria, is_dynamic, is_active)
VALUES (%(user_id)s, %(id)s, %(name)s, %(description)s, %(criteria)s, %(is_dynamic)s, %(is_active)s)
ON CONFLICT (user_id, name) DO UPDATE
SET description = excluded.description,
    criteria = excluded.criteria,
    is_dynamic = excluded.is_dynamic,
    is_active = excluded.is_active,
    estimated_size = NULL,
    last_calculated_at = NULL,
    updated_at = now()
RETURNING id

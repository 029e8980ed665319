-- A new version of a template becomes the current one; the one before must have been set aside already.
INSERT INTO sms_templates (
    user_id, id, name, version, category, description, subject, content, variables, transliterate,
    character_count, estimated_segments, encoding, is_active, is_default, tags)
SELECT
    %(user_id)s, %(id)s, %(name)s, coalesce(max(earlier.version), 0) + 1, %(category)s, %(description)s, %(subject)s,
    %(content)s, %(variables)s, %(transliterate)s, %(character_count)s, %(estimated_segments)s, %(encoding)s,
    %(is_active)s, %(is_default)s, %(tags)s
FROM sms_templates AS earlier
WHERE earlier.user_id = %(user_id)s AND earlier.name = %(name)s

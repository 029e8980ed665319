-- A run is emptied. What was sent by hand went to nobody else: so the words of it go from its campaign and the run too.
WITH sent AS (
    UPDATE sms_campaigns
    SET message_content = CASE WHEN definition ->> 'message' IS NULL THEN message_content ELSE 'erased' END,
        definition = definition - 'variables'
            || CASE WHEN definition ->> 'message' IS NULL THEN '{}' ELSE '{"message": "erased"}' END::jsonb
    WHERE user_id = %(user_id)s AND source = 'send' AND id = (
        SELECT campaign_id FROM campaign_occurrences WHERE user_id = %(user_id)s AND id = %(occurrence_id)s)
    RETURNING id
)
UPDATE campaign_occurrences AS run
SET texts_emptied_at = %(now)s,
    definition = CASE WHEN NOT EXISTS (SELECT FROM sent) THEN run.definition ELSE run.definition - 'variables'
        || CASE WHEN run.definition ->> 'message' IS NULL THEN '{}' ELSE '{"message": "erased"}' END::jsonb END
WHERE run.user_id = %(user_id)s AND run.id = %(occurrence_id)s

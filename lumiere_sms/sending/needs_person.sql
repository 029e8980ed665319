-- cross-tenant: what only a person can settle: recipients in doubt, campaigns that a rule has paused; and whether
-- anybody still waits. Takes no locks.
-- Who cancels a campaign has settled what was in doubt in it: nothing of it is sent again.
SELECT
    EXISTS (SELECT FROM campaign_recipients WHERE status = 'pending') AS waiting,
    (SELECT count(*) FROM campaign_recipients AS recipient
        JOIN campaign_occurrences AS occurrence
            ON occurrence.user_id = recipient.user_id AND occurrence.id = recipient.occurrence_id
        WHERE recipient.status = 'unknown' AND occurrence.status = 'running') AS unknown,
    (SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM sms_campaigns
        WHERE status = 'paused' AND status_by = 'rule' AND archived_at IS NULL) AS paused

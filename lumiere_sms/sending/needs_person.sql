-- cross-tenant: what only a person can settle: recipients in doubt, campaigns that a rule has paused. Takes no locks.
SELECT
    (SELECT count(*) FROM campaign_recipients WHERE status = 'unknown') AS unknown,
    (SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM sms_campaigns
        WHERE status = 'paused' AND status_by = 'rule' AND archived_at IS NULL) AS paused

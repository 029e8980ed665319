-- Hold the campaigns of an arm that run, so that no arm commits after a pause has. A statement before the arm's own: one
-- that waits for a lock goes on with what it saw before, and would miss a refusal that was committed meanwhile.
SELECT id FROM sms_campaigns
WHERE user_id = %(user_id)s AND id = ANY (%(campaign_ids)s::uuid[]) AND status = 'running'
ORDER BY id
FOR SHARE

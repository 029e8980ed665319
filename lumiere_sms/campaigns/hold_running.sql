-- Hold the campaigns of an arm that run, so that no arm commits after a pause has; and say which of them a budget concerns.
-- A statement before the arm's own: one that waits for a lock goes on with what it saw before, and would miss a refusal
-- that was committed meanwhile.
SELECT campaign.id, EXISTS (
    SELECT FROM budgets
    WHERE budgets.user_id = %(user_id)s AND (budgets.campaign_id IS NULL OR budgets.campaign_id = campaign.id)
) AS is_budgeted
FROM sms_campaigns AS campaign
WHERE campaign.user_id = %(user_id)s AND campaign.id = ANY (%(campaign_ids)s::uuid[]) AND campaign.status = 'running'
ORDER BY campaign.id
FOR SHARE OF campaign

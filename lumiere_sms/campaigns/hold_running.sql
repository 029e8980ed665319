-- Hold the campaigns of an arm that run, so that no arm commits after a pause has; and say which of them a budget concerns,
-- and which frequency cap each has and which consent it needs: none for what a person sends by hand.
-- A statement before the arm's own: one that waits for a lock goes on with what it saw before, and would miss a refusal
-- that was committed meanwhile.
SELECT campaign.id, EXISTS (
    SELECT FROM budgets
    WHERE budgets.user_id = %(user_id)s AND (budgets.campaign_id IS NULL OR budgets.campaign_id = campaign.id)
) AS is_budgeted, (
    SELECT users.rules -> 'frequency_caps' -> CASE campaign.priority WHEN 'urgent' THEN 'urgent' ELSE campaign.type END
    FROM users
    WHERE users.id = %(user_id)s AND campaign.source <> 'send'
) AS cap, CASE campaign.priority WHEN 'urgent' THEN 'urgent' ELSE campaign.type END AS kind,
CASE WHEN campaign.source <> 'send' THEN
    CASE campaign.type WHEN 'promotional' THEN 'promotional' WHEN 'drip' THEN 'promotional' WHEN 'reminder' THEN 'reminder' END
END AS consent
FROM sms_campaigns AS campaign
WHERE campaign.user_id = %(user_id)s AND campaign.id = ANY (%(campaign_ids)s::uuid[]) AND campaign.status = 'running'
ORDER BY campaign.id
FOR SHARE OF campaign

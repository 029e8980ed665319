-- Hold the campaigns of some attempts, so that no recipient returns to one that is cancelled meanwhile. Campaigns are held
-- before budgets and recipients.
SELECT campaign.id
FROM sms_campaigns AS campaign
WHERE campaign.user_id = %(user_id)s AND campaign.id IN (
    SELECT recipient.campaign_id
    FROM submissions
    JOIN campaign_recipients AS recipient
        ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
    WHERE submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)s::uuid[]))
ORDER BY campaign.id
FOR SHARE

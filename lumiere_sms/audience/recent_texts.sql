-- The last texts that were submitted to a number.
SELECT submissions.started_at, sms_campaigns.name AS campaign, campaign_recipients.status
FROM submissions
JOIN campaign_recipients
    ON campaign_recipients.user_id = %(user_id)s AND campaign_recipients.id = submissions.recipient_id
JOIN sms_campaigns ON sms_campaigns.user_id = %(user_id)s AND sms_campaigns.id = campaign_recipients.campaign_id
WHERE submissions.user_id = %(user_id)s
  AND submissions.phone_number = %(phone_number)s
ORDER BY submissions.started_at DESC
LIMIT 10

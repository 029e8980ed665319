-- Who had a send time in a stretch of time, or still waited as it began, and got no text: by local day, campaign, status
-- and reason. `pending` is who still waits at its end. Who is held out is counted at the launch.
SELECT (greatest(recipient.send_after, %(begins)s) AT TIME ZONE %(zone)s)::date AS day,
    campaign.name AS campaign, recipient.status, coalesce(recipient.reason, '') AS reason, count(*) AS people
FROM campaign_recipients AS recipient
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
WHERE recipient.user_id = %(user_id)s AND recipient.send_after < %(until)s
  AND (recipient.send_after >= %(begins)s OR recipient.updated_at >= %(begins)s
    OR recipient.status IN ('pending', 'claimed', 'submitting'))
  AND recipient.status IN ('pending', 'claimed', 'submitting', 'failed', 'unknown', 'suppressed', 'expired', 'cancelled')
  AND recipient.reason IS DISTINCT FROM 'holdout'
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, people DESC

-- What one provider made of the newest texts of a campaign's run, the newest first: 200 at most, and none from before it
-- was resumed. A text that was refused without a code (throttled, no connection) says nothing about the campaign.
SELECT answer.id, answer.outcome, answer.provider_code, answer.receipt_status, answer.receipt_code
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
CROSS JOIN LATERAL (
    SELECT submissions.*
    FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.occurrence_id = occurrence.id
      AND submissions.provider = %(provider)s
      AND (submissions.outcome IN ('accepted', 'rejected')
          OR submissions.outcome = 'unavailable' AND submissions.provider_code IS NOT NULL)
      AND submissions.started_at > coalesce(campaign.resumed_at, '-infinity')
    ORDER BY submissions.started_at DESC
    LIMIT 200
) AS answer
WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s AND occurrence.status = 'running'
ORDER BY answer.started_at DESC, answer.id DESC
LIMIT 200

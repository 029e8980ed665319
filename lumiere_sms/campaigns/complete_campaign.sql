-- A campaign that has no occurrence left to run: running -> completed.
UPDATE sms_campaigns AS campaign
SET status = 'completed', completed_at = coalesce(%(now)s::timestamptz, now()),
    updated_at = coalesce(%(now)s::timestamptz, now())
WHERE campaign.user_id = %(user_id)s AND campaign.id = %(campaign_id)s AND campaign.status = 'running'
  AND NOT EXISTS (
      SELECT FROM campaign_occurrences AS occurrence
      WHERE occurrence.user_id = %(user_id)s AND occurrence.campaign_id = %(campaign_id)s
        AND occurrence.status IN ('scheduled', 'running'))
RETURNING campaign.name

-- A sequence ends for all who are in it: its campaign does.
UPDATE enrolments
SET next_at = NULL, left_at = coalesce(%(now)s::timestamptz, now()), left_reason = 'campaign_cancelled'
WHERE user_id = %(user_id)s AND campaign_id = %(id)s AND left_at IS NULL

-- Nothing more goes out of a campaign: pending | claimed -> cancelled. What is submitting is on the wire and stays.
UPDATE campaign_recipients
SET status = 'cancelled', reason = 'campaign_cancelled', claimed_by = NULL, claimed_until = NULL,
    updated_at = coalesce(%(now)s::timestamptz, now())
WHERE user_id = %(user_id)s AND occurrence_id = ANY (%(occurrence_ids)s::uuid[]) AND status IN ('pending', 'claimed')

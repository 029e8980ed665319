-- An occurrence that takes nobody in any more and none of whose recipients is live: running -> completed.
UPDATE campaign_occurrences AS occurrence
SET status = 'completed', completed_at = coalesce(%(now)s::timestamptz, now())
WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s AND occurrence.status = 'running'
  AND (occurrence.open_until IS NULL OR occurrence.open_until <= coalesce(%(now)s::timestamptz, now()))
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
         AND recipient.status = 'pending'
       ORDER BY recipient.send_after, recipient.id LIMIT 1) IS NULL
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
         AND recipient.status IN ('claimed', 'submitting') AND recipient.claimed_until IS NOT NULL LIMIT 1) IS NULL
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
         AND recipient.status = 'unknown' LIMIT 1) IS NULL
RETURNING occurrence.campaign_id

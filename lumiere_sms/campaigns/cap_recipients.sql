-- What a frequency cap stopped in the arm: claimed -> pending, later, or where it has no time to go later,
-- claimed -> suppressed. By the holder's fence only.
UPDATE campaign_recipients AS recipient
SET status = CASE WHEN stopped.send_after IS NULL THEN 'suppressed' ELSE 'pending' END,
    reason = 'frequency_cap',
    send_after = coalesce(stopped.send_after, recipient.send_after),
    expires_at = coalesce(stopped.expires_at, recipient.expires_at),
    claimed_by = NULL, claimed_until = NULL, updated_at = coalesce(%(now)s::timestamptz, now())
FROM unnest(%(ids)s::uuid[], %(fences)s::integer[], %(send_after)s::timestamptz[], %(expires_at)s::timestamptz[])
    AS stopped (id, fence, send_after, expires_at)
WHERE recipient.user_id = %(user_id)s AND recipient.id = stopped.id AND recipient.fence = stopped.fence
  AND recipient.status = 'claimed' AND recipient.claimed_by = %(daemon)s

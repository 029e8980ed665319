-- Let recipients go again because a person says so: failed | bounced | unknown -> pending, each at its zone's time, until its
-- own last window ends or the zone's new one does. Who is not texted any more stays, and so does who has no window left.
-- Returns the recipients that wait now.
WITH zone AS MATERIALIZED (
    SELECT timezone, send_after, expires_at
    FROM unnest(%(zones)s::text[], %(send_after)s::timestamptz[], %(expires_at)s::timestamptz[])
        AS open (timezone, send_after, expires_at)
), wanted AS MATERIALIZED (
    SELECT recipient.id, recipient.status, zone.send_after, greatest(recipient.expires_at, zone.expires_at) AS expires_at
    FROM campaign_recipients AS recipient
    JOIN zone ON zone.timezone = recipient.timezone
    WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
      AND recipient.status = ANY (%(statuses)s::text[])
      AND (cardinality(%(codes)s::text[]) = 0 OR recipient.error_code = ANY (%(codes)s::text[]))
      AND NOT EXISTS (
          SELECT FROM suppressions
          WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = recipient.phone_number)
      AND NOT EXISTS (
          SELECT FROM customers
          WHERE customers.user_id = %(user_id)s AND customers.phone_number = recipient.phone_number
            AND customers.opt_out_date IS NOT NULL)
    ORDER BY recipient.id
    FOR NO KEY UPDATE OF recipient
)
UPDATE campaign_recipients AS recipient
SET status = 'pending', reason = NULL, error_code = NULL, error_message = NULL, provider_message_id = NULL,
    send_after = wanted.send_after, expires_at = wanted.expires_at, retry_count = 0, carrier_retries = 0,
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM wanted
WHERE recipient.user_id = %(user_id)s AND recipient.id = wanted.id AND recipient.status = wanted.status
  AND wanted.expires_at > wanted.send_after + %(usable)s::interval
RETURNING recipient.id

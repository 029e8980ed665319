-- Let recipients go again because a person says so: failed | bounced | unknown -> pending, each at the time of its zone,
-- preferred hours and step, until its own last window ends or the new one does, and a reminder until its appointment at
-- most; preferred hours that yield are dropped. Who is not texted any more stays, and so does who has no window left.
-- Returns the recipients that wait now.
WITH zone AS MATERIALIZED (
    SELECT timezone, preferred_time, step, send_after, expires_at, yields
    FROM unnest(%(zones)s::text[], %(preferred_times)s::text[], %(steps)s::text[], %(send_after)s::timestamptz[],
            %(expires_at)s::timestamptz[], %(yields)s::boolean[])
        AS open (timezone, preferred_time, step, send_after, expires_at, yields)
), wanted AS MATERIALIZED (
    SELECT recipient.id, recipient.status, zone.send_after,
        least(greatest(recipient.expires_at, zone.expires_at), recipient.appointment_at) AS expires_at, zone.yields
    FROM campaign_recipients AS recipient
    JOIN zone ON zone.timezone = recipient.timezone AND zone.preferred_time IS NOT DISTINCT FROM recipient.preferred_time
        AND zone.step = CASE WHEN recipient.step ~ '^[0-9]+(/|$)' THEN split_part(recipient.step, '/', 1) ELSE '' END
    WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s
      AND recipient.status = ANY (%(statuses)s::text[])
      AND recipient.personalized_content <> '' -- not erased, nor kept no longer
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
    preferred_time = CASE WHEN NOT wanted.yields THEN recipient.preferred_time END,
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM wanted
WHERE recipient.user_id = %(user_id)s AND recipient.id = wanted.id AND recipient.status = wanted.status
  AND wanted.expires_at > wanted.send_after + %(usable)s::interval
RETURNING recipient.id

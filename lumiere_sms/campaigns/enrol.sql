-- People enter a sequence: once per person and per phone in a round, which are counted over both. Whoever is in already,
-- or is entered by another daemon just now, is left as they are: looked at once more here, since the audience was read
-- earlier, and whoever has entered since would be in their next round. Returns who entered.
INSERT INTO enrolments (user_id, id, campaign_id, customer_id, phone_number, round, enrolled_at, next_at)
SELECT %(user_id)s, entering.id, %(campaign_id)s, entering.customer_id, entering.phone_number,
    1 + greatest(
        (SELECT coalesce(max(earlier.round), 0) FROM enrolments AS earlier
         WHERE earlier.user_id = %(user_id)s AND earlier.campaign_id = %(campaign_id)s
           AND earlier.customer_id = entering.customer_id),
        (SELECT coalesce(max(earlier.round), 0) FROM enrolments AS earlier
         WHERE earlier.user_id = %(user_id)s AND earlier.campaign_id = %(campaign_id)s
           AND earlier.phone_number = entering.phone_number)),
    %(now)s, %(next_at)s
FROM unnest(%(ids)s::uuid[], %(customer_ids)s::uuid[], %(phones)s::text[]) AS entering (id, customer_id, phone_number)
WHERE NOT EXISTS (
        SELECT FROM enrolments AS earlier
        WHERE earlier.user_id = %(user_id)s AND earlier.campaign_id = %(campaign_id)s
          AND earlier.customer_id = entering.customer_id
          AND (earlier.left_at IS NULL OR earlier.left_at > coalesce(%(left_before)s::timestamptz, '-infinity')))
  AND NOT EXISTS (
        SELECT FROM enrolments AS earlier
        WHERE earlier.user_id = %(user_id)s AND earlier.campaign_id = %(campaign_id)s
          AND earlier.phone_number = entering.phone_number
          AND (earlier.left_at IS NULL OR earlier.left_at > coalesce(%(left_before)s::timestamptz, '-infinity')))
ON CONFLICT DO NOTHING
RETURNING id

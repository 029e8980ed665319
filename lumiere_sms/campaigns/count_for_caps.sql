-- How many texts a frequency cap counts for each that wants to go now: of its kind, to its number, within the cap's time,
-- without those of the same recipient. Accepted, in doubt, and on their way. `until`: when one more may go, where the cap
-- is reached.
SELECT asked.id, count(sent.started_at) AS counted,
    (array_agg(sent.started_at ORDER BY sent.started_at DESC))[asked.most] + asked.span AS until
FROM unnest(%(ids)s::uuid[], %(phones)s::text[], %(kinds)s::text[], %(mosts)s::integer[], %(spans)s::interval[])
    AS asked (id, phone_number, kind, most, span)
LEFT JOIN LATERAL (
    SELECT submissions.started_at
    FROM submissions
    JOIN campaign_occurrences AS occurrence
        ON occurrence.user_id = %(user_id)s AND occurrence.id = submissions.occurrence_id
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = asked.phone_number
      AND submissions.started_at > coalesce(%(now)s::timestamptz, now()) - asked.span
      AND submissions.recipient_id <> asked.id
      AND (submissions.outcome IS NULL OR submissions.outcome IN ('accepted', 'unknown'))
      AND CASE asked.kind WHEN 'urgent' THEN campaign.priority = 'urgent' ELSE campaign.type = asked.kind END
) AS sent ON true
GROUP BY asked.id, asked.most, asked.span

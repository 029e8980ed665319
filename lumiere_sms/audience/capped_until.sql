-- Inside a query over customers: when one more text of the kind may go to the number, at the earliest; NULL for at once.
-- That is `cap_within` after the one of those it got that is the `cap_most`th from the newest.
SELECT submissions.started_at + %(cap_within)s::interval
FROM submissions
WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = customers.phone_number
  AND submissions.started_at > %(cap_since)s::date
  AND (submissions.outcome IS NULL OR submissions.outcome IN ('accepted', 'unknown'))
  AND submissions.occurrence_id = ANY (ARRAY(
      SELECT capped_occurrence.id
      FROM campaign_occurrences AS capped_occurrence
      JOIN sms_campaigns AS capped_campaign
          ON capped_campaign.user_id = %(user_id)s AND capped_campaign.id = capped_occurrence.campaign_id
      WHERE capped_occurrence.user_id = %(user_id)s
        AND CASE %(cap_kind)s::text WHEN 'urgent' THEN capped_campaign.priority = 'urgent'
            ELSE capped_campaign.type = %(cap_kind)s::text END))
ORDER BY submissions.started_at DESC
OFFSET %(cap_most)s::integer - 1
LIMIT 1

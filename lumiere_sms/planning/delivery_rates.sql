-- How many texts of the last 30 days' runs each provider brought to their phones, of those it has said anything final about.
-- By the index of submissions on occurrence and time.
SELECT submissions.provider, count(*) AS receipts,
    count(*) FILTER (WHERE submissions.receipt_status = 'delivered') AS delivered
FROM campaign_occurrences AS occurrence
JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.occurrence_id = occurrence.id
    AND submissions.started_at > %(since)s
WHERE occurrence.user_id = %(user_id)s AND occurrence.launched_at > %(since)s
  AND submissions.receipt_status IN ('delivered', 'undelivered', 'failed')
GROUP BY submissions.provider

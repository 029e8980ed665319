-- Which customers were asked by text at a number whether they agree, and have not said so or otherwise since: the purpose,
-- the words as the business wrote them (what the person read may name them, and consents stay), and when. A text counts from
-- when it was submitted.
SELECT DISTINCT ON (customers.id, asked.purpose) customers.id AS customer_id, asked.purpose, asked.wording, asked.at,
    asked.recipient_id
FROM (
    SELECT campaign.definition #>> '{variables,opt_in_of}' AS customer_id,
        campaign.definition #>> '{variables,opt_in}' AS purpose, campaign.message_content AS wording,
        submissions.started_at AS at, submissions.recipient_id
    FROM submissions
    JOIN campaign_recipients AS recipient
        ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
    JOIN sms_campaigns AS campaign
        ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id AND campaign.source = 'send'
    WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = %(phone_number)s
      AND submissions.started_at <= coalesce(%(at)s::timestamptz, now())
      AND submissions.started_at > coalesce(%(at)s::timestamptz, now()) - %(within)s::interval
      AND coalesce(submissions.outcome, 'unknown') IN ('accepted', 'unknown')
      AND campaign.definition #> '{variables,opt_in}' IS NOT NULL
) AS asked
JOIN customers ON customers.user_id = %(user_id)s AND customers.id::text = asked.customer_id
WHERE customers.phone_number = %(phone_number)s AND customers.opt_out_date IS NULL
  AND asked.purpose IN ('promotional', 'reminder') -- a text of somebody's own may have variables of these names
  AND NOT EXISTS (
      SELECT FROM consents
      WHERE consents.user_id = %(user_id)s AND consents.customer_id = customers.id
        AND consents.purpose = asked.purpose AND consents.at >= asked.at)
ORDER BY customers.id, asked.purpose, asked.at DESC

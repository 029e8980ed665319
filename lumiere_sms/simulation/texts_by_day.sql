-- What went out in a stretch of time, by local day and campaign. `who` tells two sets of people apart.
SELECT (recipient.sent_at AT TIME ZONE %(zone)s)::date AS day, campaign.name AS campaign,
    count(*) AS texts, sum(recipient.segments_used) AS parts, sum(recipient.cost) AS cost, recipient.currency,
    min(recipient.sent_at) AS first, max(recipient.sent_at) AS last,
    to_hex(bit_xor(hashtextextended(recipient.phone_number || recipient.step || recipient.variant, 0))) AS who
FROM campaign_recipients AS recipient
JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
WHERE recipient.user_id = %(user_id)s AND recipient.sent_at >= %(begins)s AND recipient.sent_at < %(until)s
GROUP BY 1, 2, recipient.currency
ORDER BY 1, first, 2

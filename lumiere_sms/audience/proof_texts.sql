-- Every text that was submitted to a number, with what its carrier said of it.
SELECT submissions.started_at AS at, campaign.name AS campaign, campaign.type, recipient.customer_id, recipient.status,
    recipient.personalized_content AS text, submissions.provider, submissions.sender, submissions.outcome,
    submissions.provider_message_id, (
        SELECT jsonb_agg(jsonb_build_object('status', events.status, 'at', events.received_at) ORDER BY events.received_at)
        FROM delivery_events AS events
        WHERE events.user_id = %(user_id)s AND events.provider = submissions.provider
          AND events.provider_message_id = submissions.provider_message_id) AS receipts
FROM submissions
LEFT JOIN campaign_recipients AS recipient
    ON recipient.user_id = %(user_id)s AND recipient.id = submissions.recipient_id
LEFT JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = recipient.campaign_id
WHERE submissions.user_id = %(user_id)s AND submissions.phone_number = %(phone_number)s
ORDER BY submissions.started_at

-- The next instants after `now` at which a text of a run that goes on may go, and a step of a sequence is due, or somebody
-- who left one may enter it again.
SELECT (
    SELECT min(first.send_after)
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    CROSS JOIN LATERAL (
        SELECT recipient.send_after FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = occurrence.id
          AND recipient.status = 'pending' AND recipient.send_after > %(now)s
        ORDER BY recipient.send_after, recipient.id LIMIT 1
    ) AS first
    WHERE occurrence.user_id = %(user_id)s AND occurrence.status = 'running' AND campaign.status = 'running'
) AS text, least((
    SELECT min(first.next_at)
    FROM sms_campaigns AS campaign
    CROSS JOIN LATERAL (
        SELECT enrolment.next_at FROM enrolments AS enrolment
        WHERE enrolment.user_id = %(user_id)s AND enrolment.campaign_id = campaign.id
          AND enrolment.left_at IS NULL AND enrolment.next_at > %(now)s
        ORDER BY enrolment.next_at LIMIT 1
    ) AS first
    WHERE campaign.user_id = %(user_id)s AND campaign.status IN ('scheduled', 'running')
), (
    SELECT min(enrolment.left_at + (campaign.definition -> 'enrol' ->> 'again_after')::interval)
    FROM sms_campaigns AS campaign
    JOIN enrolments AS enrolment
        ON enrolment.user_id = %(user_id)s AND enrolment.campaign_id = campaign.id
        AND enrolment.left_at > %(now)s - (campaign.definition -> 'enrol' ->> 'again_after')::interval
    WHERE campaign.user_id = %(user_id)s AND campaign.status IN ('scheduled', 'running')
      AND jsonb_exists(campaign.definition -> 'enrol', 'again_after')
)) AS step

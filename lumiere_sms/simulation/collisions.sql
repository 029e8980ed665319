-- Who gets several texts on one local day: how many people, by the campaigns that these are of.
WITH texted AS MATERIALIZED (
    SELECT (sent_at AT TIME ZONE %(zone)s)::date AS day, phone_number, array_agg(campaign_id) AS campaign_ids
    FROM campaign_recipients
    WHERE user_id = %(user_id)s AND sent_at >= %(begins)s AND sent_at < %(until)s
    GROUP BY 1, phone_number
    HAVING count(*) > 1
), alike AS (
    SELECT day, people.campaign_ids, count(*) AS people
    FROM (SELECT day, (SELECT array_agg(id ORDER BY id) FROM unnest(campaign_ids) AS id) AS campaign_ids FROM texted) AS people
    GROUP BY day, people.campaign_ids
)
SELECT alike.day, alike.people, (
    SELECT array_agg(campaign.name ORDER BY campaign.name)
    FROM unnest(alike.campaign_ids) AS listed (id)
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = listed.id
) AS campaigns
FROM alike
ORDER BY alike.day, alike.people DESC, 3

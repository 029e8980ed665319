-- How each wording of some runs fared, and apart those who had it later, as the winner (`is_rest`): texts that a provider took
-- (`sent`) or answered (`tried`), those delivered; and people who got one, replied, followed the link, or visited from the
-- day of the text on. Whoever got several, run after run, is one of the people;
-- who was erased has another stand-in for the number in each text, and one id in all of them.
SELECT people.variant, people.is_rest, sum(people.sent)::bigint AS sent, sum(people.tried)::bigint AS tried,
    sum(people.delivered)::bigint AS delivered, count(*) FILTER (WHERE people.sent > 0) AS people,
    count(*) FILTER (WHERE people.has_replied) AS replies, count(*) FILTER (WHERE people.has_clicked) AS clicks,
    count(*) FILTER (WHERE people.has_visited) AS visits
FROM (
    SELECT texts.variant, texts.is_rest, count(*) FILTER (WHERE texts.is_sent) AS sent,
        count(*) FILTER (WHERE texts.is_sent OR texts.status = 'failed') AS tried,
        count(*) FILTER (WHERE texts.status = 'delivered') AS delivered,
        bool_or(texts.is_sent AND EXISTS (
            SELECT FROM responses WHERE responses.user_id = %(user_id)s AND responses.phone_number = texts.phone_number
              AND responses.kind = 'reply' AND responses.at >= texts.sent_at
              AND coalesce(responses.recipient_id = texts.id, true))) AS has_replied,
        bool_or(texts.is_sent AND EXISTS (
            SELECT FROM responses WHERE responses.user_id = %(user_id)s AND responses.phone_number = texts.phone_number
              AND responses.kind = 'click' AND responses.at >= texts.sent_at
              AND coalesce(responses.recipient_id = texts.id, true))) AS has_clicked,
        bool_or(texts.is_sent AND texts.last_visit_date >= (texts.sent_at AT TIME ZONE texts.timezone)::date) AS has_visited
    FROM (
        SELECT recipient.*, customers.last_visit_date, recipient.status IN ('sent', 'delivered', 'bounced') AS is_sent,
            coalesce(recipient.created_at > (run.decision #>> '{trial,texts_until}')::timestamptz, false) AS is_rest
        FROM campaign_recipients AS recipient
        JOIN campaign_occurrences AS run ON run.user_id = %(user_id)s AND run.id = recipient.occurrence_id
        LEFT JOIN customers ON customers.user_id = %(user_id)s AND customers.id = recipient.customer_id
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = ANY (%(occurrence_ids)s::uuid[])
          AND recipient.variant <> ''
    ) AS texts
    GROUP BY texts.variant, texts.is_rest,
        coalesce(CASE WHEN starts_with(texts.phone_number, 'erased:') THEN texts.customer_id::text END, texts.phone_number)
) AS people
GROUP BY people.variant, people.is_rest
ORDER BY people.variant, people.is_rest

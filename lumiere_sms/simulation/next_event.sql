-- The next instant after `now` at which something is due whatever happens until then: an occurrence, a wave's decision, the
-- end of a standing day, a sender's rest, somebody's lease. And whether a sequence takes people in for what happens with
-- texts; what a standing day looks for beside that changes with its date alone.
SELECT (
    SELECT min(occurrence.occurs_at)
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.status = 'scheduled' AND occurrence.occurs_at > %(now)s
      AND campaign.status IN ('scheduled', 'running')
) AS occurrence, (
    SELECT min(CASE WHEN occurrence.advance_at > %(now)s THEN occurrence.advance_at
        ELSE %(now)s + interval '5 minutes' END) -- decided on by now, its next wave not launched yet
    FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    WHERE occurrence.user_id = %(user_id)s AND occurrence.status = 'running' AND occurrence.advance_at IS NOT NULL
      AND campaign.status = 'running' AND campaign.type NOT IN ('drip', 'reminder')
) AS wave, (
    SELECT min(open_until) FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND status = 'running' AND open_until > %(now)s AND open_until < 'infinity'
) AS close, (
    SELECT min(blocked_until) FROM pace_limits WHERE blocked_until > %(now)s
) AS rest, (
    SELECT min(claimed_until) + interval '1 second' FROM campaign_recipients
    WHERE user_id = %(user_id)s AND status IN ('claimed', 'submitting') AND claimed_until >= %(now)s
) AS lease, EXISTS (
    SELECT FROM campaign_occurrences AS occurrence
    JOIN sms_campaigns AS campaign ON campaign.user_id = %(user_id)s AND campaign.id = occurrence.campaign_id
    LEFT JOIN audience_segments AS segment
        ON segment.user_id = %(user_id)s AND segment.name = campaign.target_criteria ->> 'segment'
    WHERE occurrence.user_id = %(user_id)s AND occurrence.status = 'running' AND occurrence.open_until > %(now)s
      AND campaign.status = 'running' AND campaign.type = 'drip'
      AND concat(campaign.target_criteria, segment.criteria)
          ~* '"(received|replied|clicked|visited_?after|last_?texted_?days|in_?segment)"'
) AS is_open

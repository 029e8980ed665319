-- The next day of a standing campaign, unless it is there already: whoever opens the day before writes it with it.
INSERT INTO campaign_occurrences
    (user_id, id, campaign_id, occurs_at, priority, batch_size, send_rate_per_minute)
VALUES (%(user_id)s, %(id)s, %(campaign_id)s, %(open_until)s, %(priority)s, %(batch_size)s, %(send_rate_per_minute)s)
ON CONFLICT (user_id, campaign_id, occurs_at) DO NOTHING

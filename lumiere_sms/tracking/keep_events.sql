-- Keep what a provider reported, as it came; the same report again is no news.
INSERT INTO delivery_events
    (user_id, id, provider, provider_message_id, status, code, parts, price, currency, source, received_at)
SELECT %(user_id)s, id, %(provider)s, message_id, status, code, parts, price, currency, %(source)s,
    coalesce(%(now)s::timestamptz, now())
FROM unnest(%(ids)s::uuid[], %(message_ids)s::text[], %(statuses)s::text[], %(codes)s::text[],
        %(parts)s::smallint[], %(prices)s::numeric[], %(currencies)s::text[])
    AS report (id, message_id, status, code, parts, price, currency)
ON CONFLICT (user_id, provider, provider_message_id, status) DO NOTHING

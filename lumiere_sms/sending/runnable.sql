-- cross-tenant: the occurrences that may be claimed from now, the sender of each at one provider, how all providers are,
-- which senders are out for now, and the database's instant. Takes no locks.
-- A tenant's plain sender is the one at the provider that it tries first.
SELECT occurrence.user_id, occurrence.id AS occurrence_id, occurrence.campaign_id, occurrence.priority,
    occurrence.batch_size, occurrence.definition,
    EXISTS (SELECT FROM pace_limits WHERE provider = '' AND pace_limits.sender = tenant.id::text) AS is_tenant_paced,
    own.sender, tenant.slug, tenant.providers, tenant.routing, tenant.senders, tenant.sender AS plain_sender,
    own.first_provider,
    (SELECT json_object_agg(provider, json_build_object('state', state, 'reason', reason, 'is_drained', is_drained,
            'weight', weight, 'is_due', coalesce(probe_at <= coalesce(%(now)s::timestamptz, now()), true)))::text
        FROM provider_health) AS standings,
    CASE WHEN NOT %(alone)s::boolean THEN (SELECT json_agg(json_build_array(provider, sender))::text FROM pace_limits
        WHERE blocked_until > coalesce(%(now)s::timestamptz, now()) + interval '5 seconds'
            OR day_parts >= parts_per_day AND day = (coalesce(%(now)s::timestamptz, now()) AT TIME ZONE zone)::date)
        END AS spent,
    coalesce(%(now)s::timestamptz, now()) AS now
FROM campaign_occurrences AS occurrence
JOIN sms_campaigns AS campaign ON campaign.user_id = occurrence.user_id AND campaign.id = occurrence.campaign_id
JOIN users AS tenant ON tenant.id = occurrence.user_id
CROSS JOIN LATERAL (
    SELECT first_provider, coalesce(tenant.senders ->> %(provider)s::text,
            CASE first_provider WHEN %(provider)s THEN tenant.sender END, nullif(%(default_sender)s, '')) AS sender
    FROM (SELECT coalesce(split_part(tenant.providers[1], ':', 1), %(primary)s) AS first_provider) AS named
) AS own
WHERE occurrence.status = 'running' AND campaign.status = 'running' AND own.sender IS NOT NULL
ORDER BY occurrence.occurs_at, occurrence.id

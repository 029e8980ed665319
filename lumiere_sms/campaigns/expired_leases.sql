-- cross-tenant: which tenants have recipients whose lease is over. Takes no locks.
SELECT DISTINCT user_id FROM campaign_recipients
WHERE status IN ('claimed', 'submitting') AND claimed_until < coalesce(%(now)s::timestamptz, now())

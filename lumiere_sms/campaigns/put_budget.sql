-- A budget, as it is from now on; a new one begins with what has been spent already.
INSERT INTO budgets (user_id, id, campaign_id, month, amount, currency, committed, updated_at)
VALUES (%(user_id)s, %(id)s, %(campaign_id)s, %(month)s, %(amount)s, %(currency)s, %(spent)s,
    coalesce(%(now)s::timestamptz, now()))
ON CONFLICT (user_id, campaign_id, month) DO UPDATE
SET amount = excluded.amount, currency = excluded.currency, updated_at = excluded.updated_at

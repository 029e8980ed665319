-- Hold the budgets that an arm may reserve from: those of its campaigns, the tenant's of this month, and the standing one
-- that months are made from. `this_month` is the first day of the month in the tenant's zone. In the order of their ids.
SELECT budgets.id, budgets.campaign_id, budgets.month, budgets.amount, budgets.currency, budgets.reserved,
    budgets.committed, budgets.adjusted,
    date_trunc('month', coalesce(%(now)s::timestamptz, now()) AT TIME ZONE users.timezone)::date AS this_month
FROM budgets
JOIN users ON users.id = budgets.user_id
WHERE budgets.user_id = %(user_id)s
  AND (budgets.campaign_id = ANY (%(campaign_ids)s::uuid[])
      OR budgets.campaign_id IS NULL AND (budgets.month IS NULL
          OR budgets.month = date_trunc('month', coalesce(%(now)s::timestamptz, now()) AT TIME ZONE users.timezone)::date))
ORDER BY budgets.id
FOR NO KEY UPDATE OF budgets

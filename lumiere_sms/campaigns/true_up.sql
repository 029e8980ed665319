-- What settled attempts count for in their budgets becomes what they cost. What they cost more is adjusted; what they
-- cost less is first adjusted no more, then committed no more. Only a cost in the currency of the budgets counts.
WITH wanted AS MATERIALIZED (
    SELECT attempt_id, cost, currency
    FROM unnest(%(attempt_ids)s::uuid[], %(costs)s::numeric(12, 4)[], %(currencies)s::text[])
        AS charged (attempt_id, cost, currency)
), before AS MATERIALIZED (
    SELECT submissions.id, submissions.month_budget_id, submissions.campaign_budget_id, wanted.cost,
        wanted.cost - submissions.spent AS difference
    FROM wanted
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)s::uuid[])
        AND submissions.id = wanted.attempt_id
    JOIN budgets ON budgets.user_id = %(user_id)s AND budgets.currency = coalesce(wanted.currency, budgets.currency)
        AND budgets.id = coalesce(submissions.month_budget_id, submissions.campaign_budget_id)
    WHERE submissions.spent <> wanted.cost
), counted AS (
    UPDATE submissions SET spent = before.cost
    FROM before
    WHERE submissions.user_id = %(user_id)s AND submissions.id = before.id
), sums AS (
    SELECT each.budget_id, sum(before.difference) AS difference
    FROM before CROSS JOIN LATERAL unnest(ARRAY[before.month_budget_id, before.campaign_budget_id]) AS each (budget_id)
    GROUP BY each.budget_id
)
UPDATE budgets
SET adjusted = greatest(budgets.adjusted + sums.difference, 0),
    committed = budgets.committed + least(budgets.adjusted + sums.difference, 0),
    updated_at = coalesce(%(now)s::timestamptz, now())
FROM sums
WHERE budgets.user_id = %(user_id)s AND budgets.id = sums.budget_id

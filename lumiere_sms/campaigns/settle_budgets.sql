-- What attempts hold reserved in their budgets, which are held, is spent at what they cost (null: what was reserved; 0:
-- given back): spent null -> cost. What a text costs beyond its reservation is adjusted, and all of one that was given back
-- and then turns out to have been accepted: spent 0 -> cost. One that was settled before changes nothing.
WITH before AS MATERIALIZED (
    SELECT submissions.id, submissions.month_budget_id, submissions.campaign_budget_id,
        coalesce(wanted.cost, submissions.reserved) AS cost,
        CASE WHEN submissions.spent IS NULL THEN submissions.reserved ELSE 0 END AS reserved
    FROM unnest(%(attempt_ids)s::uuid[], %(costs)s::numeric(12, 4)[]) AS wanted (attempt_id, cost)
    JOIN submissions ON submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)s::uuid[])
        AND submissions.id = wanted.attempt_id
    WHERE submissions.reserved IS NOT NULL
      AND (submissions.spent IS NULL
          OR submissions.spent = 0 AND coalesce(wanted.cost, submissions.reserved) > 0)
), settled AS (
    UPDATE submissions SET spent = before.cost
    FROM before
    WHERE submissions.user_id = %(user_id)s AND submissions.id = before.id
), sums AS (
    SELECT counted.budget_id, sum(before.reserved) AS reserved, sum(least(before.cost, before.reserved)) AS spent,
        sum(greatest(before.cost - before.reserved, 0)) AS excess
    FROM before CROSS JOIN LATERAL unnest(ARRAY[before.month_budget_id, before.campaign_budget_id])
        AS counted (budget_id)
    GROUP BY counted.budget_id
)
UPDATE budgets
SET reserved = budgets.reserved - sums.reserved, committed = budgets.committed + sums.spent,
    adjusted = budgets.adjusted + sums.excess, updated_at = coalesce(%(now)s::timestamptz, now())
FROM sums
WHERE budgets.user_id = %(user_id)s AND budgets.id = sums.budget_id

-- Hold the budgets in which attempts count, in the order of their ids.
SELECT budgets.id FROM budgets
WHERE budgets.user_id = %(user_id)s AND budgets.id IN (
    SELECT unnest(ARRAY[submissions.month_budget_id, submissions.campaign_budget_id]) FROM submissions
    WHERE submissions.user_id = %(user_id)s AND submissions.id = ANY (%(attempt_ids)s::uuid[])
      AND submissions.reserved IS NOT NULL)
ORDER BY budgets.id
FOR NO KEY UPDATE

-- What a look at a day of reminders came to: whom it is about, and who is left out as they are now.
UPDATE campaign_occurrences AS occurrence
SET audience_size = %(excluded)s + (
        SELECT count(*) FROM campaign_recipients AS recipient
        WHERE recipient.user_id = %(user_id)s AND recipient.occurrence_id = %(occurrence_id)s),
    cost_estimate = coalesce(occurrence.cost_estimate, 0) + %(cost)s, exclusions = %(exclusions)s
WHERE occurrence.user_id = %(user_id)s AND occurrence.id = %(occurrence_id)s
  AND (occurrence.exclusions <> %(exclusions)s OR %(written)s > 0 OR occurrence.audience_size IS NULL)

-- cross-tenant: running occurrences that take nobody in any more and none of whose recipients is live (pending, claimed,
-- submitting, unknown). Takes no locks.
-- Each sub-select ends at the first row of a partial index that holds live rows only; the order is that of the index, so that
-- no plan reads the table instead, whatever it believes about how many rows are live.
SELECT occurrence.user_id, occurrence.id AS occurrence_id
FROM campaign_occurrences AS occurrence
WHERE occurrence.status = 'running'
  AND (occurrence.open_until IS NULL OR occurrence.open_until <= coalesce(%(now)s::timestamptz, now()))
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = occurrence.user_id AND recipient.occurrence_id = occurrence.id
         AND recipient.status = 'pending'
       ORDER BY recipient.send_after, recipient.id LIMIT 1) IS NULL
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = occurrence.user_id AND recipient.occurrence_id = occurrence.id
         AND recipient.status IN ('claimed', 'submitting') AND recipient.claimed_until IS NOT NULL LIMIT 1) IS NULL
  AND (SELECT true FROM campaign_recipients AS recipient
       WHERE recipient.user_id = occurrence.user_id AND recipient.occurrence_id = occurrence.id
         AND recipient.status = 'unknown' LIMIT 1) IS NULL

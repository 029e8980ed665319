-- Which of some numbers are not suppressed as refusals yet, in the order in which they are to be locked.
SELECT DISTINCT number AS phone_number
FROM unnest(%(numbers)s::text[]) AS listed (number)
WHERE number ~ '^\+[1-9][0-9]{6,14}$' AND NOT EXISTS (
    SELECT FROM suppressions
    WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = listed.number
      AND suppressions.reason = 'opted_out')
ORDER BY 1

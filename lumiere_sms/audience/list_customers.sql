-- A page of the tenant's customers, the newest last. %(digits)s is the searched number without its leading 0,
-- empty when the search is no number.
SELECT customers.*
FROM customers
WHERE customers.user_id = %(user_id)s
  AND (%(tag)s = '' OR customers.tags @> ARRAY[%(tag)s]::text[])
  AND (
      %(search)s = ''
      OR strpos(lower(concat_ws(' ', customers.last_name, customers.first_name)), lower(%(search)s)) > 0
      OR strpos(lower(concat_ws(' ', customers.first_name, customers.last_name)), lower(%(search)s)) > 0
      OR strpos(lower(customers.external_id), lower(%(search)s)) > 0
      OR (%(digits)s <> '' AND strpos(customers.phone_number, %(digits)s) > 0)
  )
ORDER BY customers.id
LIMIT %(limit)s OFFSET %(offset)s

-- Hold the turns of some numbers until the transaction ends, made where they are new, always in one order.
INSERT INTO phone_turns (user_id, id, number_hash, taken_at)
SELECT %(user_id)s, wanted.id, wanted.number_hash, coalesce(%(now)s::timestamptz, now())
FROM unnest(%(ids)s::uuid[], %(number_hashes)s::bigint[]) AS wanted (id, number_hash)
ORDER BY wanted.number_hash
ON CONFLICT (user_id, number_hash) DO UPDATE SET taken_at = excluded.taken_at

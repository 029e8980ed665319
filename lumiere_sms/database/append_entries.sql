-- Append entries of the audit log, and move the head of their chain to the last one. The head is held.
WITH moved AS (
    UPDATE audit_heads SET seq = %(seq)s, hash = %(hash)b WHERE user_id = %(user_id)s
)
INSERT INTO audit_log (user_id, id, seq, hash, at, actor, action, subject, reason, before, after)
SELECT %(user_id)s, asked.*
FROM unnest(%(ids)s::uuid[], %(seqs)s::bigint[], %(hashes)b::bytea[], %(ats)s::timestamptz[], %(actors)s::text[],
    %(actions)s::text[], %(subjects)s::text[], %(reasons)s::text[], %(befores)s::jsonb[], %(afters)s::jsonb[])
    AS asked

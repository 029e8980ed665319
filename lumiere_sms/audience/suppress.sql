-- Suppress numbers. A complaint outranks a refusal, which its number may take back by itself, and both outrank what is wrong
-- with a number. A refusal that an operator was told of outranks one by an answer or a link, which a START would lift.
-- Of those that are new, or whose reason or source is: their keys.
INSERT INTO suppressions (user_id, id, phone_number, reason, source, note, created_at)
SELECT %(user_id)s, asked.id, asked.phone_number, asked.reason, asked.source, asked.note,
    coalesce(asked.at, %(now)s::timestamptz, now())
FROM unnest(%(ids)s::uuid[], %(phones)s::text[], %(reasons)s::text[], %(sources)s::text[], %(notes)s::text[],
    %(ats)s::timestamptz[]) AS asked (id, phone_number, reason, source, note, at)
ORDER BY asked.phone_number
ON CONFLICT (user_id, phone_number) DO UPDATE
SET reason = excluded.reason, source = excluded.source, note = coalesce(excluded.note, suppressions.note),
    created_at = excluded.created_at
WHERE (excluded.reason = 'complaint' AND suppressions.reason <> 'complaint')
   OR (excluded.reason = 'opted_out' AND suppressions.reason NOT IN ('opted_out', 'complaint'))
   OR (excluded.reason = 'opted_out' AND excluded.source = 'operator'
       AND suppressions.reason = 'opted_out' AND suppressions.source IN ('reply', 'link'))
RETURNING id, phone_number

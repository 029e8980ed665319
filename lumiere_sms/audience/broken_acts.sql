-- Acts whose consents are not those that their entry of the audit log was written for: how many it tells of, how many
-- there are. An entry that is missing has no number; one without a number is outside the chain, and covers nothing.
WITH acts AS (
    SELECT consents.audit_id, count(*) AS found,
        encode(sha256(string_agg(consents.hash, ''::bytea ORDER BY consents.id)), 'hex') AS digest
    FROM consents
    WHERE consents.user_id = %(user_id)s
    GROUP BY consents.audit_id
), entries AS (
    SELECT audit_log.id, audit_log.seq, (audit_log.after ->> 'consents')::bigint AS told,
        audit_log.after ->> 'digest' AS digest
    FROM audit_log
    WHERE audit_log.user_id = %(user_id)s AND audit_log.seq IS NOT NULL
      AND audit_log.after ? 'consents' AND audit_log.after ->> 'digest' IS NOT NULL
)
SELECT entries.seq, coalesce(entries.told, 0) AS told, coalesce(acts.found, 0) AS found
FROM acts
FULL JOIN entries ON entries.id = acts.audit_id
WHERE acts.digest IS DISTINCT FROM entries.digest OR acts.found IS DISTINCT FROM entries.told
ORDER BY entries.seq
LIMIT %(most)s

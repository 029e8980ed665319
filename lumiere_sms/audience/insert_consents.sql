-- Append the consents of one act, each with its hash; count them, and take the hash over theirs, in their keys' order.
WITH appended AS (
    INSERT INTO consents (user_id, id, customer_id, purpose, is_granted, source, wording, evidence_mac, at, recorded_at,
        audit_id, hash)
    SELECT made.user_id, made.id, made.customer_id, made.purpose, made.is_granted, made.source, made.wording,
        made.evidence_mac, made.at, made.recorded_at, made.audit_id, {hash}
    FROM (
        SELECT %(user_id)s::uuid AS user_id, asked.id, asked.customer_id, asked.purpose, asked.is_granted, asked.source,
            asked.wording, asked.evidence_mac,
            greatest(coalesce(asked.at, %(now)s::timestamptz, now()), (
                SELECT newest.at FROM (
                    SELECT consents.at, consents.is_granted FROM consents
                    WHERE asked.holds AND consents.user_id = %(user_id)s AND consents.customer_id = asked.customer_id
                      AND consents.purpose = asked.purpose
                    ORDER BY consents.at DESC, consents.id DESC LIMIT 1) AS newest
                WHERE newest.is_granted <> asked.is_granted)) AS at,
            coalesce(%(now)s::timestamptz, now()) AS recorded_at, %(audit_id)s::uuid AS audit_id
        FROM unnest(%(ids)s::uuid[], %(customer_ids)s::uuid[], %(purposes)s::text[], %(grants)s::boolean[],
            %(sources)s::text[], %(wordings)s::text[], %(macs)b::bytea[], %(ats)s::timestamptz[],
            %(holds)s::boolean[])
            AS asked (id, customer_id, purpose, is_granted, source, wording, evidence_mac, at, holds)
    ) AS made
    RETURNING id, hash
)
SELECT count(*) AS consents, encode(sha256(string_agg(appended.hash, ''::bytea ORDER BY appended.id)), 'hex') AS digest
FROM appended

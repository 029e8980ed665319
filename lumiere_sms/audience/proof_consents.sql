-- What some customers agreed to and took back, in order, with what proves it, the entry of the audit log that covers each,
-- and whether it is what was written.
SELECT made.customer_id, made.id, made.purpose, made.is_granted, made.source, made.wording, made.at, made.recorded_at,
    kept.evidence, made.evidence_mac IS NOT NULL AS had_evidence, made.hash, made.hash = {hash} AS is_whole,
    audit_log.seq AS entry, audit_log.hash AS entry_hash, audit_log.actor, audit_log.action, audit_log.reason
FROM consents AS made
LEFT JOIN consent_evidence AS kept ON kept.user_id = %(user_id)s AND kept.id = made.id
LEFT JOIN audit_log ON audit_log.user_id = %(user_id)s AND audit_log.id = made.audit_id
WHERE made.user_id = %(user_id)s AND made.customer_id = ANY (%(ids)s::uuid[])
ORDER BY made.at, made.id

-- The evidence of consents, with the key that its hash was made with: what is kept, and what is gone though its key is not.
SELECT consents.id, kept.evidence, consents.evidence_mac, person_keys.key, audit_log.seq
FROM consents
LEFT JOIN consent_evidence AS kept ON kept.user_id = %(user_id)s AND kept.id = consents.id
LEFT JOIN person_keys ON person_keys.user_id = %(user_id)s AND person_keys.id = consents.customer_id
LEFT JOIN audit_log ON audit_log.user_id = %(user_id)s AND audit_log.id = consents.audit_id
WHERE consents.user_id = %(user_id)s
  AND (kept.id IS NOT NULL OR consents.evidence_mac IS NOT NULL AND person_keys.key IS NOT NULL)

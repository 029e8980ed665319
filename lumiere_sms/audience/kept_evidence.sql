-- The evidence that is kept, with the key that its hash was made with.
SELECT kept.id, kept.evidence, consents.evidence_mac, person_keys.key, audit_log.seq
FROM consent_evidence AS kept
JOIN consents ON consents.user_id = %(user_id)s AND consents.id = kept.id
LEFT JOIN person_keys ON person_keys.user_id = %(user_id)s AND person_keys.id = kept.customer_id
LEFT JOIN audit_log ON audit_log.user_id = %(user_id)s AND audit_log.id = consents.audit_id
WHERE kept.user_id = %(user_id)s

-- Consents whose hash is not that of what they hold now, with the number of the entry that covers them.
SELECT made.id, audit_log.seq
FROM consents AS made
LEFT JOIN audit_log ON audit_log.user_id = %(user_id)s AND audit_log.id = made.audit_id
WHERE made.user_id = %(user_id)s
  AND made.hash <> {hash}
ORDER BY made.audit_id, made.id
LIMIT %(most)s

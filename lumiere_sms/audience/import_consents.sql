-- Append what the rows of a list say about texts, before they change anything: of new customers what they say (a no to
-- advertising is what holds anyway, and is noted only with its day or words), of stored ones what is new, or newly said on
-- a later day, and of those who refuse with this list that they take back everything. What says when,
-- how or in which words is noted although nothing changes by it. Counted and hashed as one act. A row's second key is as old
-- as its first: of two words of one instant the one that was noted later holds.
WITH told AS NOT MATERIALIZED (
    SELECT import_rows.line, coalesce(import_matches.customer_id, import_rows.id) AS customer_id, import_rows.id,
        import_rows.consent_date, import_rows.opt_out_date,
        coalesce(import_rows.consent_source, 'import') AS source,
        coalesce(import_rows.consent_wording, %(wording)s) AS wording,
        import_matches.line IS NULL AS is_new,
        import_rows.opt_out_date IS NOT NULL AND NOT coalesce(import_matches.was_refused, false) AS refuses,
        coalesce(import_matches.was_refused, false) AS has_refused,
        coalesce(import_rows.consent_date::text, import_rows.consent_source, import_rows.consent_wording,
            %(wording)s) IS NOT NULL AS is_proof,
        coalesce(import_rows.allow_promotional, CASE WHEN %(agreed)s THEN true END) AS promotional,
        coalesce(import_matches.holds_promotional, false) AS holds_promotional,
        import_matches.was_promotional AS allow_promotional,
        import_rows.allow_reminders AS reminders,
        coalesce(import_matches.holds_reminders, false) AS holds_reminders,
        import_matches.was_reminders AS allow_reminders
    FROM import_rows
    LEFT JOIN import_matches ON import_matches.line = import_rows.line
), said AS (
    SELECT told.*, told.id AS key, 'promotional' AS purpose, NOT told.refuses AND told.promotional AS is_granted,
        told.allow_promotional AS stored
    FROM told
    WHERE told.refuses OR (told.promotional IS NOT NULL AND NOT told.holds_promotional)
    UNION ALL
    SELECT told.*, (left(told.id::text, 15) || substr(md5(told.id::text)::uuid::text, 16))::uuid, 'reminder',
        NOT told.refuses AND told.reminders, told.allow_reminders
    FROM told
    WHERE told.refuses OR (told.reminders IS NOT NULL AND NOT told.holds_reminders)
), newly AS (
    SELECT said.*, newest.at AS newest_at
    FROM said
    LEFT JOIN LATERAL (
        SELECT consents.at, consents.is_granted
        FROM consents
        WHERE NOT said.is_new AND (said.refuses OR said.is_proof OR said.stored <> said.is_granted)
          AND consents.user_id = %(user_id)s AND consents.customer_id = said.customer_id
          AND consents.purpose = said.purpose
        ORDER BY consents.at DESC, consents.id DESC
        LIMIT 1
    ) AS newest ON true
    WHERE said.refuses
       OR (said.is_new AND (said.is_proof OR said.is_granted OR said.purpose = 'reminder'))
       OR (NOT (said.is_granted AND said.has_refused)
           AND (said.stored <> said.is_granted
                OR (said.is_proof AND coalesce(said.consent_date > newest.at, newest.at IS NULL))))
), appended AS (
    INSERT INTO consents (user_id, id, customer_id, purpose, is_granted, source, wording, evidence_mac, at, recorded_at,
        audit_id, hash)
    SELECT made.user_id, made.id, made.customer_id, made.purpose, made.is_granted, made.source, made.wording,
        made.evidence_mac, made.at, made.recorded_at, made.audit_id, {hash}
    FROM (
        SELECT %(user_id)s::uuid AS user_id, newly.key AS id, newly.customer_id, newly.purpose, newly.is_granted,
            newly.source, CASE WHEN newly.is_granted THEN newly.wording END AS wording, NULL::bytea AS evidence_mac,
            CASE
                WHEN newly.newest_at >= coalesce(newly.opt_out_date, newly.consent_date, %(now)s::timestamptz)
                    THEN greatest(newly.newest_at + interval '1 microsecond', %(now)s::timestamptz)
                WHEN newly.refuses THEN newly.opt_out_date
                ELSE coalesce(newly.consent_date, %(now)s::timestamptz)
            END AS at,
            %(now)s::timestamptz AS recorded_at, %(audit_id)s::uuid AS audit_id
        FROM newly
    ) AS made
    RETURNING id, hash
)
SELECT count(*) AS consents, encode(sha256(string_agg(appended.hash, ''::bytea ORDER BY appended.id)), 'hex') AS digest
FROM appended

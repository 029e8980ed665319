-- Note a look that settled nothing, and when the next one is; after a day there is none. The attempt stays unknown.
UPDATE submissions
SET looks = looks + %(counted)s, looked_at = coalesce(%(now)s::timestamptz, now()), absent_at = %(absent_at)s,
    finding = %(finding)s, look_at = %(look_at)s,
    closed_at = CASE WHEN started_at < coalesce(%(now)s::timestamptz, now()) - %(give_up)s::interval
        THEN coalesce(%(now)s::timestamptz, now()) END
WHERE user_id = %(user_id)s AND id = %(attempt_id)s AND outcome = 'unknown'

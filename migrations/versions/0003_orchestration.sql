-- When and whom: a tenant's own rules, waves of a run, sequences and appointments, and what came back.

-- When a tenant texts whom: windows by type, quiet hours, closing days, holidays, frequency caps (definitions/tenant_rules.py).
ALTER TABLE users
    ADD COLUMN rules jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT users_rules_is_an_object CHECK (jsonb_typeof(rules) = 'object');

-- When its texts leave was written out where a campaign does not say it; now its tenant's rules say it at the launch.
UPDATE sms_campaigns
SET definition = definition || jsonb_build_object(
    'quiet_hours', nullif(definition -> 'quiet_hours', '"21:00-08:00"'),
    'window', CASE WHEN type <> 'promotional' OR priority = 'urgent'
        OR definition -> 'window' <> '["09:00-11:00", "14:00-16:00", "19:00-20:00"]' THEN definition -> 'window' END)
WHERE definition <> '{}';

-- A run that takes its people in more than once: a canary before the rest, a trial of variants before the winner, a day
-- of a sequence or of reminders.
ALTER TABLE campaign_occurrences
    ADD COLUMN phase      text NOT NULL DEFAULT '',  -- of a run in waves: canary -> trial -> rest; '': all at once
    ADD COLUMN open_until timestamptz,               -- until then it takes people in, and is not completed
    ADD COLUMN advance_at timestamptz,               -- when the next wave is decided on
    ADD COLUMN winner     text,                      -- the variant that the rest gets
    ADD COLUMN decision   jsonb,                     -- by phase, what its figures said and when
    ADD COLUMN contents   jsonb,                     -- the texts of all waves, as they were at the first
    ADD CONSTRAINT campaign_occurrences_phase_is_known CHECK (phase IN ('', 'canary', 'trial', 'rest'));
CREATE INDEX campaign_occurrences_advance_idx ON campaign_occurrences (advance_at)
    WHERE status = 'running' AND advance_at IS NOT NULL;

-- What is frozen of a person besides the text: between which times they want it, and the appointment it is about.
ALTER TABLE campaign_recipients
    ADD COLUMN preferred_time text,
    ADD COLUMN appointment_at timestamptz;           -- the arm lets it pass only while the customer still has this one
-- One reminder of an appointment per campaign and phone, whichever day's run it is in.
CREATE UNIQUE INDEX campaign_recipients_appointment_key
    ON campaign_recipients (user_id, campaign_id, appointment_at, phone_number) WHERE appointment_at IS NOT NULL;
-- Serves the search for appointments to come.
CREATE INDEX customers_next_appointment_at_idx ON customers (user_id, next_appointment_at)
    WHERE next_appointment_at IS NOT NULL;
-- Serves every look at an audience: the numbers that refuse are few, and whoever has them.
CREATE INDEX customers_opt_out_idx ON customers (user_id, phone_number) WHERE opt_out_date IS NOT NULL;

-- A customer in a drip campaign. Entered -> each step at its time -> left, with the reason (finished among them).
CREATE TABLE enrolments (
    user_id      uuid NOT NULL REFERENCES users (id),
    id           uuid NOT NULL,
    campaign_id  uuid NOT NULL,
    customer_id  uuid NOT NULL,
    phone_number text NOT NULL,
    round        smallint NOT NULL DEFAULT 1,        -- how often they have entered
    steps_done   smallint NOT NULL DEFAULT 0,
    enrolled_at  timestamptz NOT NULL,
    next_at      timestamptz,                        -- not before then is the next step looked at
    recipient_id uuid,                               -- the text of the last step that had one
    left_at      timestamptz,
    left_reason  text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, campaign_id) REFERENCES sms_campaigns (user_id, id),
    CONSTRAINT enrolments_round_key UNIQUE (user_id, campaign_id, customer_id, round),
    -- One sequence per phone, whoever shares it: rounds are counted over the person and the phone.
    CONSTRAINT enrolments_phone_number_key UNIQUE (user_id, campaign_id, phone_number, round),
    CONSTRAINT enrolments_counts_are_not_negative CHECK (round >= 1 AND steps_done >= 0),
    CONSTRAINT enrolments_who_is_in_has_a_next_step CHECK ((left_at IS NULL) = (next_at IS NOT NULL)),
    CONSTRAINT enrolments_who_left_has_a_reason CHECK ((left_at IS NULL) = (left_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX enrolments_due_idx ON enrolments (campaign_id, next_at) WHERE left_at IS NULL;

-- What somebody did after a text. Append-only.
CREATE TABLE responses (
    user_id      uuid NOT NULL REFERENCES users (id),
    id           uuid NOT NULL,
    kind         text NOT NULL,
    phone_number text NOT NULL,
    recipient_id uuid,
    at           timestamptz NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT responses_kind_is_known CHECK (kind IN ('reply', 'click'))
);
CREATE INDEX responses_phone_number_idx ON responses (phone_number, at);
CREATE INDEX responses_at_idx ON responses (user_id, at);

-- What a segment was, each time it changed: so that its people then and now can be compared. Append-only.
CREATE TABLE segment_revisions (
    user_id    uuid NOT NULL REFERENCES users (id),
    id         uuid NOT NULL,
    segment_id uuid NOT NULL,
    revision   integer NOT NULL,
    criteria   jsonb NOT NULL,
    members    uuid[],                               -- of a fixed list; null: by criteria
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, segment_id) REFERENCES audience_segments (user_id, id),
    CONSTRAINT segment_revisions_revision_key UNIQUE (user_id, segment_id, revision)
);
INSERT INTO segment_revisions (user_id, id, segment_id, revision, criteria, members, written_at)
SELECT user_id, id, id, 1, criteria, CASE WHEN NOT is_dynamic THEN ARRAY(
        SELECT customer_id FROM segment_members
        WHERE segment_members.user_id = audience_segments.user_id AND segment_id = audience_segments.id) END, updated_at
FROM audience_segments;

-- Who arms a text under a frequency cap holds the row of its number first, so that two who text one person at the same
-- time count one after the other. It keeps a hash, not the number: another number with the same one only waits.
CREATE TABLE phone_turns (
    user_id     uuid NOT NULL REFERENCES users (id),
    id          uuid NOT NULL,
    number_hash bigint NOT NULL,
    taken_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT phone_turns_number_hash_key UNIQUE (user_id, number_hash)
) WITH (fillfactor = 50);

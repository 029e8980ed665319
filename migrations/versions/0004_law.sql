-- What keeps texting lawful: consent, refusals, answers, erasure, and the proof of all of it.

-- The log becomes a chain: each entry has a number and a hash over itself and the hash before it. Entries that are older
-- than the chain have neither.
ALTER TABLE audit_log
    ADD COLUMN seq  bigint,
    ADD COLUMN hash bytea,
    ADD CONSTRAINT audit_log_seq_key UNIQUE (user_id, seq),
    ADD CONSTRAINT audit_log_what_is_chained_has_a_hash CHECK ((seq IS NULL) = (hash IS NULL));

-- What was done to one thing: a refusal, a person, a campaign.
CREATE INDEX audit_log_subject_idx ON audit_log (subject);

-- Where a tenant's chain ends.
CREATE TABLE audit_heads (
    user_id uuid NOT NULL REFERENCES users (id),
    id      uuid NOT NULL,
    seq     bigint NOT NULL,
    hash    bytea NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT audit_heads_user_id_key UNIQUE (user_id)
) WITH (fillfactor = 50);

-- What keyed hashes and tokens of a tenant are made with, together with LUMIERE_SMS_SECRET where that is set.
CREATE TABLE secrets (
    user_id uuid NOT NULL REFERENCES users (id),
    id      uuid NOT NULL,
    purpose text NOT NULL,
    key     bytea NOT NULL,
    proof   bytea NOT NULL,                          -- by which another LUMIERE_SMS_SECRET is noticed
    PRIMARY KEY (user_id, id),
    CONSTRAINT secrets_purpose_key UNIQUE (user_id, purpose),
    CONSTRAINT secrets_purpose_is_known CHECK (purpose IN ('number', 'link')),
    CONSTRAINT secrets_key_is_long CHECK (length(key) >= 32)
);

-- What an operator let pass that the lint would have stopped: by rule, with the texts it holds for, reason, who and when.
ALTER TABLE sms_campaigns ADD COLUMN overrides jsonb NOT NULL DEFAULT '{}';

-- What each customer agreed to, and took back. Append-only: what holds now is in customers.allow_*, in the same
-- transaction. The entry of the audit log that covers a row holds a hash over the hashes of all rows of one act.
CREATE TABLE consents (
    user_id      uuid NOT NULL REFERENCES users (id),
    id           uuid NOT NULL,
    customer_id  uuid NOT NULL,                      -- no key: it outlives the customer, and then names nobody
    purpose      text NOT NULL,
    is_granted   boolean NOT NULL,
    source       text NOT NULL,
    wording      text,                               -- what they agreed to: the business's own words
    evidence_mac bytea,                              -- over the evidence, with the person's key
    at           timestamptz NOT NULL,               -- when they said so
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    audit_id     uuid NOT NULL,
    hash         bytea NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT consents_purpose_is_known CHECK (purpose IN ('promotional', 'reminder')),
    CONSTRAINT consents_source_is_known CHECK (source IN ('import', 'operator', 'reply', 'link', 'form', 'provider'))
);
CREATE INDEX consents_customer_id_idx ON consents (customer_id, at);

-- What proves a consent and is about the person: their answer, the paper's place. Goes when they are erased.
CREATE TABLE consent_evidence (
    user_id     uuid NOT NULL REFERENCES users (id),
    id          uuid NOT NULL,                       -- the consent's
    customer_id uuid NOT NULL,
    evidence    jsonb NOT NULL,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, id) REFERENCES consents (user_id, id)
);

-- What the hashes over somebody's evidence are made with: without it they say nothing any more.
CREATE TABLE person_keys (
    user_id uuid NOT NULL REFERENCES users (id),
    id      uuid NOT NULL,                           -- the customer's
    key     bytea NOT NULL,
    PRIMARY KEY (user_id, id)
);

-- Who was erased, as a keyed hash of their number, so that consent can be proved until the law's date.
CREATE TABLE erasures (
    user_id    uuid NOT NULL REFERENCES users (id),
    id         uuid NOT NULL,                        -- the customer's
    number_mac bytea,
    erased_at  timestamptz NOT NULL,
    keep_until timestamptz NOT NULL,
    look_at    timestamptz,                          -- not before then is it looked whether something of them is left
    PRIMARY KEY (user_id, id)
);
CREATE INDEX erasures_due_idx ON erasures (coalesce(look_at, keep_until));
CREATE INDEX erasures_number_mac_idx ON erasures (number_mac);

-- What is a person's is found by their key, so that an erasure reads no table from end to end.
CREATE INDEX campaign_recipients_customer_id_idx ON campaign_recipients (customer_id, phone_number);
CREATE INDEX enrolments_customer_id_idx ON enrolments (customer_id);
CREATE INDEX segment_members_customer_id_idx ON segment_members (customer_id);

-- When the texts of a run were emptied, because the tenant's rules keep them for so long only.
ALTER TABLE campaign_occurrences ADD COLUMN texts_emptied_at timestamptz;

-- A number that is not texted may be known by its keyed hash alone, after its owner was erased.
ALTER TABLE suppressions
    ALTER COLUMN phone_number DROP NOT NULL,
    ADD COLUMN number_mac bytea,
    ADD COLUMN note       text,
    ADD CONSTRAINT suppressions_number_mac_key UNIQUE (user_id, number_mac),
    ADD CONSTRAINT suppressions_are_of_a_number CHECK ((phone_number IS NULL) <> (number_mac IS NULL)),
    DROP CONSTRAINT suppressions_reason_is_known,
    DROP CONSTRAINT suppressions_source_is_known,
    ADD CONSTRAINT suppressions_reason_is_known CHECK (
        reason IN ('opted_out', 'complaint', 'invalid_number', 'landline', 'blocked', 'reassigned')),
    ADD CONSTRAINT suppressions_source_is_known CHECK (source IN ('import', 'operator', 'provider', 'reply', 'link'));

-- What people answered.
CREATE TABLE inbound_messages (
    user_id             uuid NOT NULL REFERENCES users (id),
    id                  uuid NOT NULL,
    provider            text NOT NULL,
    provider_message_id text NOT NULL,
    phone_number        text NOT NULL,               -- whose; a short or alphanumeric sender as it came
    sender              text NOT NULL,               -- which of our senders they wrote to
    body                text NOT NULL,
    received_at         timestamptz NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    recipient_id        uuid,                        -- the text that they answered, as far as can be told
    occurrence_id       uuid,
    customer_id         uuid,
    meaning             text NOT NULL,
    decided_by          text,                        -- who decided what was to be looked at
    decided_at          timestamptz,
    answer_id           uuid,                        -- the recipient that answers it by itself, if one does
    PRIMARY KEY (user_id, id),
    CONSTRAINT inbound_messages_provider_message_id_key UNIQUE (user_id, provider, provider_message_id),
    CONSTRAINT inbound_messages_meaning_is_known CHECK (
        meaning IN ('stop', 'start', 'help', 'confirm', 'other', 'review')),
    CONSTRAINT inbound_messages_a_decision_has_a_person CHECK ((decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX inbound_messages_phone_number_idx ON inbound_messages (phone_number, received_at);
CREATE INDEX inbound_messages_received_at_idx ON inbound_messages (user_id, received_at);
CREATE INDEX inbound_messages_occurrence_id_idx ON inbound_messages (occurrence_id);
CREATE INDEX inbound_messages_customer_id_idx ON inbound_messages (customer_id);
-- Those that a person should look at, and those that retention may still empty.
CREATE INDEX inbound_messages_review_idx ON inbound_messages (user_id, received_at) WHERE meaning = 'review';
CREATE INDEX inbound_messages_kept_idx ON inbound_messages (user_id, received_at) WHERE body <> '';

-- When a provider is asked for answers again, and until when all of them have been taken in.
ALTER TABLE provider_health
    ADD COLUMN replies_at    timestamptz,
    ADD COLUMN replies_until timestamptz;

-- The one text that may go to a number that has just refused: it confirms that suppression.
ALTER TABLE campaign_recipients ADD COLUMN confirms uuid;
CREATE UNIQUE INDEX campaign_recipients_confirms_key ON campaign_recipients (user_id, confirms) WHERE confirms IS NOT NULL;

-- How many wrong links somebody has come with in the minute since then: who guesses is not answered for a while.
CREATE TABLE link_guesses (
    user_id uuid NOT NULL REFERENCES users (id),
    id      uuid NOT NULL,
    source  text NOT NULL,                           -- whence: a command, or a keyed hash of an address
    since   timestamptz NOT NULL,
    wrong   integer NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT link_guesses_source_key UNIQUE (user_id, source),
    CONSTRAINT link_guesses_wrong_is_not_negative CHECK (wrong >= 0)
) WITH (fillfactor = 50);

-- Links by which a number refuses: an unforgeable token each, the same for ever.
CREATE TABLE opt_out_links (
    user_id      uuid NOT NULL REFERENCES users (id),
    id           uuid NOT NULL,
    token        text NOT NULL,
    phone_number text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT opt_out_links_token_key UNIQUE (user_id, token)
);
CREATE INDEX opt_out_links_phone_number_idx ON opt_out_links (phone_number);

-- The first schema: tenants, people, definitions, occurrences, recipients and what was submitted.
-- Tables are classed in lumiere_sms/database/tables/ as reference | tenant | local.

-- reference ---------------------------------------------------------------------------------

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    slug          text NOT NULL,
    name          text NOT NULL,
    timezone      text NOT NULL DEFAULT 'Asia/Tokyo',
    country       text NOT NULL DEFAULT 'JP',
    currency      text NOT NULL DEFAULT 'JPY',
    sender        text,                       -- number or messaging service of this tenant; null: the setting's
    legal_name    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_slug_key UNIQUE (slug),
    CONSTRAINT users_slug_is_short_and_plain CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    CONSTRAINT users_country_is_iso_3166 CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT users_currency_is_iso_4217 CHECK (currency ~ '^[A-Z]{3}$')
);

-- tenant: who ---------------------------------------------------------------------------------

CREATE TABLE customers (
    user_id             uuid NOT NULL REFERENCES users (id),
    id                  uuid NOT NULL,
    external_id         text,
    phone_number        text,
    first_name          text,
    last_name           text,
    total_sales         numeric(14, 2) NOT NULL DEFAULT 0,
    visit_count         integer NOT NULL DEFAULT 0,
    last_visit_date     date,
    next_appointment_at timestamptz,
    birthday            date,
    tags                text[] NOT NULL DEFAULT '{}',
    attributes          jsonb NOT NULL DEFAULT '{}',
    allow_promotional   boolean NOT NULL DEFAULT false,
    allow_reminders     boolean NOT NULL DEFAULT true,
    preferred_time      text,
    timezone            text,
    opt_out_date        timestamptz,
    last_sms_response   timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT customers_external_id_key UNIQUE (user_id, external_id),
    CONSTRAINT customers_phone_number_is_e164 CHECK (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
    CONSTRAINT customers_visit_count_is_not_negative CHECK (visit_count >= 0),
    CONSTRAINT customers_attributes_is_an_object CHECK (jsonb_typeof(attributes) = 'object'),
    CONSTRAINT customers_preferred_time_is_a_range
        CHECK (preferred_time ~ '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$')
);
CREATE INDEX customers_phone_number_idx ON customers (user_id, phone_number);
CREATE INDEX customers_last_visit_date_idx ON customers (user_id, last_visit_date);
CREATE INDEX customers_tags_idx ON customers USING gin (tags);

-- A number that is not texted, whoever has it. Checked at launch and again in the arm.
CREATE TABLE suppressions (
    user_id      uuid NOT NULL REFERENCES users (id),
    id           uuid NOT NULL,
    phone_number text NOT NULL,
    reason       text NOT NULL,
    source       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT suppressions_phone_number_key UNIQUE (user_id, phone_number),
    CONSTRAINT suppressions_phone_number_is_e164 CHECK (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
    CONSTRAINT suppressions_reason_is_known CHECK (reason IN ('opted_out', 'invalid_number', 'blocked')),
    CONSTRAINT suppressions_source_is_known CHECK (source IN ('import', 'operator', 'provider'))
);

CREATE TABLE audience_segments (
    user_id            uuid NOT NULL REFERENCES users (id),
    id                 uuid NOT NULL,
    name               text NOT NULL,
    description        text,
    criteria           jsonb NOT NULL DEFAULT '{}',
    is_dynamic         boolean NOT NULL DEFAULT true,
    is_active          boolean NOT NULL DEFAULT true,
    estimated_size     integer,
    last_calculated_at timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT audience_segments_name_key UNIQUE (user_id, name)
);

-- The people of a static segment.
CREATE TABLE segment_members (
    user_id     uuid NOT NULL REFERENCES users (id),
    id          uuid NOT NULL,
    segment_id  uuid NOT NULL,
    customer_id uuid NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT segment_members_customer_key UNIQUE (user_id, segment_id, customer_id),
    FOREIGN KEY (user_id, segment_id) REFERENCES audience_segments (user_id, id),
    FOREIGN KEY (user_id, customer_id) REFERENCES customers (user_id, id) ON DELETE CASCADE
);

-- tenant: what --------------------------------------------------------------------------------

-- A row is one immutable version; the newest of a name is the current one.
CREATE TABLE sms_templates (
    user_id            uuid NOT NULL REFERENCES users (id),
    id                 uuid NOT NULL,
    name               text NOT NULL,
    version            integer NOT NULL DEFAULT 1,
    is_current         boolean NOT NULL DEFAULT true,
    category           text,
    description        text,
    subject            text,
    content            text NOT NULL,
    variables          jsonb NOT NULL DEFAULT '[]',
    transliterate      boolean NOT NULL DEFAULT false,
    character_count    integer NOT NULL,
    estimated_segments integer NOT NULL,
    encoding           text NOT NULL,
    is_active          boolean NOT NULL DEFAULT true,
    is_default         boolean NOT NULL DEFAULT false,
    compliance_checked boolean NOT NULL DEFAULT false,
    compliance_notes   text,
    tags               text[] NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT sms_templates_version_key UNIQUE (user_id, name, version),
    CONSTRAINT sms_templates_encoding_is_known CHECK (encoding IN ('gsm7', 'ucs2'))
);
CREATE UNIQUE INDEX sms_templates_current_key ON sms_templates (user_id, name) WHERE is_current;
CREATE UNIQUE INDEX sms_templates_default_key ON sms_templates (user_id, category) NULLS NOT DISTINCT
    WHERE is_current AND is_default;

-- tenant: campaigns ---------------------------------------------------------------------------

CREATE TABLE sms_campaigns (
    user_id              uuid NOT NULL REFERENCES users (id),
    id                   uuid NOT NULL,
    name                 text NOT NULL,
    description          text,
    type                 text NOT NULL DEFAULT 'blast',
    status               text NOT NULL DEFAULT 'draft',
    status_reason        text,
    status_by            text,
    priority             text NOT NULL DEFAULT 'normal',
    template_id          uuid,                       -- null: the message is written in the campaign itself
    message_content      text NOT NULL,
    scheduled_at         timestamptz,
    timezone             text NOT NULL,
    repeat_pattern       jsonb,
    target_criteria      jsonb NOT NULL,
    estimated_recipients integer,
    batch_size           integer NOT NULL DEFAULT 50,
    send_rate_per_minute integer NOT NULL DEFAULT 60,
    max_retries          integer NOT NULL DEFAULT 3,
    expires_after        interval,
    cost_estimate        numeric(12, 4),
    currency             text NOT NULL,
    definition           jsonb NOT NULL,
    revision             integer NOT NULL DEFAULT 1,
    source               text NOT NULL DEFAULT 'definitions',
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz,
    completed_at         timestamptz,
    archived_at          timestamptz,
    created_by           text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, template_id) REFERENCES sms_templates (user_id, id),
    CONSTRAINT sms_campaigns_type_is_known CHECK (type IN ('blast', 'drip', 'reminder', 'promotional')),
    CONSTRAINT sms_campaigns_status_is_known
        CHECK (status IN ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')),
    CONSTRAINT sms_campaigns_priority_is_known CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
    CONSTRAINT sms_campaigns_source_is_known CHECK (source IN ('definitions', 'command', 'send')),
    CONSTRAINT sms_campaigns_batch_size_is_positive CHECK (batch_size > 0),
    CONSTRAINT sms_campaigns_send_rate_is_positive CHECK (send_rate_per_minute > 0),
    CONSTRAINT sms_campaigns_max_retries_is_not_negative CHECK (max_retries >= 0),
    CONSTRAINT sms_campaigns_a_pause_has_a_reason CHECK (status <> 'paused' OR status_reason IS NOT NULL)
);
CREATE UNIQUE INDEX sms_campaigns_name_key ON sms_campaigns (user_id, name) WHERE archived_at IS NULL;
CREATE INDEX sms_campaigns_user_status_idx ON sms_campaigns (user_id, status);

-- One run of a campaign at one time. What a run needs is frozen here at launch.
CREATE TABLE campaign_occurrences (
    user_id              uuid NOT NULL REFERENCES users (id),
    id                   uuid NOT NULL,
    campaign_id          uuid NOT NULL,
    occurs_at            timestamptz NOT NULL,
    status               text NOT NULL DEFAULT 'scheduled',
    revision             integer,                    -- the campaign's, at launch
    definition           jsonb,                      -- the campaign's, at launch
    template_id          uuid,                       -- the version whose text was rendered
    audience_size        integer,                    -- customers matched, before exclusions
    exclusions           jsonb NOT NULL DEFAULT '{}',
    cost_estimate        numeric(12, 4),
    priority             text NOT NULL DEFAULT 'normal',
    batch_size           integer NOT NULL DEFAULT 50,
    send_rate_per_minute integer NOT NULL DEFAULT 60,
    pace_tat             timestamptz,                -- GCRA: when the bucket is full again
    launched_at          timestamptz,
    completed_at         timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, campaign_id) REFERENCES sms_campaigns (user_id, id),
    FOREIGN KEY (user_id, template_id) REFERENCES sms_templates (user_id, id),
    CONSTRAINT campaign_occurrences_occurs_at_key UNIQUE (user_id, campaign_id, occurs_at),
    CONSTRAINT campaign_occurrences_status_is_known
        CHECK (status IN ('scheduled', 'running', 'completed', 'skipped', 'cancelled')),
    CONSTRAINT campaign_occurrences_a_run_is_pinned
        CHECK (status <> 'running' OR (revision IS NOT NULL AND definition IS NOT NULL AND launched_at IS NOT NULL))
) WITH (fillfactor = 50);
CREATE INDEX campaign_occurrences_live_idx ON campaign_occurrences (status, occurs_at)
    WHERE status IN ('scheduled', 'running');

-- A customer frozen into one occurrence. `status` and `send_after` carry most of the product.
-- customer_id has no foreign key: proof of sending outlives the customer.
CREATE TABLE campaign_recipients (
    user_id              uuid NOT NULL REFERENCES users (id),
    id                   uuid NOT NULL,
    occurrence_id        uuid NOT NULL,
    campaign_id          uuid NOT NULL,
    customer_id          uuid,
    phone_number         text NOT NULL,
    step                 text NOT NULL DEFAULT '',
    variant              text NOT NULL DEFAULT '',
    timezone             text NOT NULL,
    personalized_content text NOT NULL,
    encoding             text NOT NULL,
    segments_used        smallint NOT NULL,          -- parts
    status               text NOT NULL DEFAULT 'pending',
    reason               text,
    send_after           timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    claimed_by           uuid,
    claimed_until        timestamptz,
    fence                integer NOT NULL DEFAULT 0, -- grows with each claim; a stale holder's is smaller
    attempt              smallint NOT NULL DEFAULT 0,
    retry_count          smallint NOT NULL DEFAULT 0,
    provider             text,
    provider_message_id  text,
    error_code           text,
    error_message        text,
    cost                 numeric(12, 4),
    currency             text,
    sent_at              timestamptz,
    delivered_at         timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, occurrence_id) REFERENCES campaign_occurrences (user_id, id),
    -- One text per phone, occurrence and step, whoever shares the phone.
    CONSTRAINT campaign_recipients_phone_number_key UNIQUE (user_id, occurrence_id, phone_number, step),
    CONSTRAINT campaign_recipients_status_is_known CHECK (status IN (
        'pending',     -- waits for send_after, the pace and its window
        'claimed',     -- leased by a dispatcher; nothing is on the wire
        'submitting',  -- armed: its submission row is committed, the call may have begun
        'sent',        -- accepted by the provider
        'delivered',   -- the carrier says so
        'bounced',     -- accepted, then the carrier could not deliver
        'failed',      -- refused for good by us or the provider
        'unknown',     -- perhaps submitted; the answer was lost
        'suppressed',  -- the number is not texted
        'expired',     -- its last window ended first
        'cancelled')),
    CONSTRAINT campaign_recipients_a_lease_has_a_holder CHECK (
        (status IN ('claimed', 'submitting')) = (claimed_by IS NOT NULL AND claimed_until IS NOT NULL)),
    CONSTRAINT campaign_recipients_what_was_sent_has_a_proof CHECK (
        status NOT IN ('sent', 'delivered', 'bounced') OR provider_message_id IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- Serves the claim: only pending rows, in the order they are due.
CREATE INDEX campaign_recipients_due_idx ON campaign_recipients (user_id, occurrence_id, send_after, id)
    WHERE status = 'pending';
-- Serves the reaper: whose lease is over.
CREATE INDEX campaign_recipients_leased_idx ON campaign_recipients (claimed_until, user_id)
    WHERE status IN ('claimed', 'submitting');
-- Serves lists of what needs a person.
CREATE INDEX campaign_recipients_unknown_idx ON campaign_recipients (user_id, occurrence_id)
    WHERE status = 'unknown';

-- One attempt: written and committed before the provider is called; its id goes out with the call.
CREATE TABLE submissions (
    user_id             uuid NOT NULL REFERENCES users (id),
    id                  uuid NOT NULL,
    recipient_id        uuid NOT NULL,
    occurrence_id       uuid NOT NULL,
    phone_number        text NOT NULL,
    provider            text NOT NULL,
    sender              text NOT NULL,
    attempt             smallint NOT NULL,
    parts               smallint NOT NULL,
    started_at          timestamptz NOT NULL,
    outcome             text,
    provider_message_id text,
    provider_code       text,
    detail              text,
    settled_at          timestamptz,
    receipt_status      text,                        -- highest in rank so far
    closed_at           timestamptz,                 -- no further receipt is asked for
    PRIMARY KEY (user_id, id),
    CONSTRAINT submissions_outcome_is_known
        CHECK (outcome IN ('accepted', 'rejected', 'unavailable', 'unknown', 'not_sent')),
    CONSTRAINT submissions_what_was_accepted_has_an_id
        CHECK (outcome <> 'accepted' OR provider_message_id IS NOT NULL)
);
CREATE UNIQUE INDEX submissions_provider_message_id_key ON submissions (user_id, provider, provider_message_id)
    WHERE provider_message_id IS NOT NULL;
-- Neither of these begins with user_id: before the first ANALYZE the planner takes one tenant for a small part of
-- the table, and would read an index that begins with it from end to end in every settlement.
CREATE INDEX submissions_phone_number_idx ON submissions (phone_number, started_at);
-- Serves the rate of a campaign and the timeline of its report.
CREATE INDEX submissions_occurrence_idx ON submissions (occurrence_id, started_at);
-- Serves the polling of receipts.
CREATE INDEX submissions_open_idx ON submissions (provider, sender, started_at)
    WHERE outcome = 'accepted' AND closed_at IS NULL;

-- What a provider reported, as it came. Append-only.
CREATE TABLE delivery_events (
    user_id             uuid NOT NULL REFERENCES users (id),
    id                  uuid NOT NULL,
    provider            text NOT NULL,
    provider_message_id text NOT NULL,
    status              text NOT NULL,
    code                text,
    parts               smallint,
    price               numeric(12, 4),
    currency            text,
    source              text NOT NULL,
    received_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT delivery_events_status_key UNIQUE (user_id, provider, provider_message_id, status),
    CONSTRAINT delivery_events_source_is_known CHECK (source IN ('poll', 'callback'))
);

-- What a person should look at, shown by `status` until acknowledged.
CREATE TABLE alerts (
    user_id         uuid NOT NULL REFERENCES users (id),
    id              uuid NOT NULL,
    kind            text NOT NULL,
    subject         text NOT NULL,                   -- a campaign's name, a provider's, or empty
    message         text NOT NULL,
    raised_at       timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX alerts_open_key ON alerts (user_id, kind, subject) WHERE acknowledged_at IS NULL;

-- local: never moved, never sharded ------------------------------------------------------------

-- The pace of one sender (GCRA: one timestamp), in parts. One claimer at a time locks it.
CREATE TABLE pace_limits (
    provider         text NOT NULL,
    sender           text NOT NULL,
    owner            uuid,                           -- the one tenant that this sender belongs to
    parts_per_second double precision NOT NULL,
    burst            double precision NOT NULL,
    tat              timestamptz,
    blocked_until    timestamptz,
    blocked_reason   text,
    PRIMARY KEY (provider, sender),
    CONSTRAINT pace_limits_rate_is_positive CHECK (parts_per_second > 0 AND burst >= 1)
) WITH (fillfactor = 50);

CREATE TABLE daemons (
    id         uuid PRIMARY KEY,
    host       text NOT NULL,
    pid        integer NOT NULL,
    version    text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    texts      bigint NOT NULL DEFAULT 0,            -- submitted since it started
    stopped_at timestamptz
) WITH (fillfactor = 50);

-- The tenant that a single business never has to name.
INSERT INTO users (id, slug, name) VALUES ('01980000-0000-7000-8000-000000000001', 'default', 'My business');

-- The send engine: several providers and their health, every scope of pace, proof of what is in doubt, budgets,
-- and who changed what.

-- Which providers a tenant texts through, in which order or shares, and from which sender at each.
ALTER TABLE users
    ADD COLUMN providers text[],                     -- null: the setting's
    ADD COLUMN routing   text,                       -- null: primary
    ADD COLUMN senders   jsonb NOT NULL DEFAULT '{}',  -- provider -> sender; `sender` where it names none
    ADD CONSTRAINT users_routing_is_known CHECK (routing IN ('primary', 'round_robin', 'weighted', 'cheapest')),
    ADD CONSTRAINT users_senders_is_an_object CHECK (jsonb_typeof(senders) = 'object');

-- The rules that stop a campaign look at what it texted since then.
ALTER TABLE sms_campaigns ADD COLUMN resumed_at timestamptz;

-- Texts sent anew because their carrier said "try again": reminders only.
ALTER TABLE campaign_recipients ADD COLUMN carrier_retries smallint NOT NULL DEFAULT 0;

-- What an attempt may cost, and what was found when its answer was lost.
ALTER TABLE submissions
    ADD COLUMN reserved           numeric(12, 4),    -- at list price, where a budget holds it
    ADD COLUMN month_budget_id    uuid,
    ADD COLUMN campaign_budget_id uuid,
    ADD COLUMN looks              smallint NOT NULL DEFAULT 0,  -- at the provider's records, while it is unknown
    ADD COLUMN looked_at          timestamptz,
    ADD COLUMN absent_at          timestamptz,       -- the first look late enough to count that did not find it
    ADD COLUMN finding            text,              -- what the looks said, for a person
    ADD COLUMN look_at            timestamptz,       -- not before then is it looked for again; null: never looked for yet
    ADD COLUMN spent              numeric(12, 4),    -- what its budgets count for it: null while reserved, 0 if released
    ADD COLUMN receipt_code       text,              -- the provider's code of `receipt_status`
    DROP CONSTRAINT submissions_outcome_is_known,
    ADD CONSTRAINT submissions_outcome_is_known CHECK (outcome IN (
        'accepted', 'rejected', 'unavailable', 'unknown', 'not_sent',
        'absent'));                                  -- the provider's records prove that it never had it
-- Serves the looks at what is unknown; closed_at says that no further look is taken.
CREATE INDEX submissions_unknown_idx ON submissions (provider, started_at)
    WHERE outcome = 'unknown' AND closed_at IS NULL;

ALTER TABLE delivery_events
    DROP CONSTRAINT delivery_events_source_is_known,
    ADD CONSTRAINT delivery_events_source_is_known CHECK (source IN ('poll', 'callback', 'event'));

ALTER TABLE alerts ADD COLUMN acknowledged_by text;

-- What may be spent: by a campaign, by a tenant in a month, and (neither named) by a tenant in each month to come.
-- Reserved in the arm and committed by the settlement, both at list price. What the provider reports above that is
-- adjusted: it may exceed, and leaves so much less for the next arm. What it reports below that is committed no more.
CREATE TABLE budgets (
    user_id     uuid NOT NULL REFERENCES users (id),
    id          uuid NOT NULL,
    campaign_id uuid,
    month       date,                                -- its first day, in the tenant's zone
    amount      numeric(14, 4) NOT NULL,
    currency    text NOT NULL,
    reserved    numeric(14, 4) NOT NULL DEFAULT 0,
    committed   numeric(14, 4) NOT NULL DEFAULT 0,
    adjusted    numeric(14, 4) NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, campaign_id) REFERENCES sms_campaigns (user_id, id),
    CONSTRAINT budgets_scope_key UNIQUE NULLS NOT DISTINCT (user_id, campaign_id, month),
    CONSTRAINT budgets_has_one_scope CHECK (campaign_id IS NULL OR month IS NULL),
    CONSTRAINT budgets_currency_is_iso_4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT budgets_are_not_negative CHECK (
        amount >= 0 AND reserved >= 0 AND committed >= 0 AND adjusted >= 0),
    -- Overspending is impossible whatever the code forgot.
    CONSTRAINT budgets_are_never_overspent CHECK (reserved + committed <= amount)
) WITH (fillfactor = 50);

-- Every change of state by a person or a rule. Append-only.
CREATE TABLE audit_log (
    user_id uuid NOT NULL REFERENCES users (id),
    id      uuid NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,                           -- like campaign.retry
    subject text NOT NULL,                           -- a campaign's name, a recipient's id, a sender
    reason  text,
    before  jsonb,
    after   jsonb,
    PRIMARY KEY (user_id, id)
);

-- A run's pace may be charged by several providers at once.
ALTER TABLE campaign_occurrences
    ADD COLUMN pace_floor   timestamptz,
    ADD COLUMN pace_idle_at timestamptz;

-- local ----------------------------------------------------------------------------------------

-- A sender's pace per second as it is set and as it is now, per minute, and per day of a zone. The provider '' stands
-- for a tenant's pace over all of its senders: `sender` is then the tenant's id.
ALTER TABLE pace_limits
    ALTER COLUMN parts_per_second DROP NOT NULL,     -- a tenant may have a pace for its days only
    ALTER COLUMN burst DROP NOT NULL,
    ADD COLUMN is_set           boolean NOT NULL DEFAULT false,  -- by `limit set`; else it follows the setting
    ADD COLUMN rate             double precision,    -- parts per second left at `cut_at`, where the provider asked for less
    ADD COLUMN cut_at           timestamptz,
    ADD COLUMN cut_reason       text,
    ADD COLUMN refused_at       timestamptz,         -- when the provider last said "too fast"
    ADD COLUMN parts_per_minute integer,
    ADD COLUMN parts_per_day    integer,
    ADD COLUMN zone             text NOT NULL DEFAULT 'UTC',     -- whose midnight ends the day
    ADD COLUMN day              date,
    ADD COLUMN day_parts        integer NOT NULL DEFAULT 0,
    ADD COLUMN tat_floor        timestamptz,         -- no refund lowers `tat` below it
    ADD COLUMN idle_at          timestamptz,         -- when something was last taken while nothing was owed
    ADD CONSTRAINT pace_limits_a_sender_has_a_rate CHECK (provider = '' OR parts_per_second IS NOT NULL),
    ADD CONSTRAINT pace_limits_limits_are_positive CHECK (parts_per_minute > 0 AND parts_per_day > 0 AND rate > 0);

-- Whether a provider is texted through, and how much of what is balanced.
CREATE TABLE provider_health (
    provider      text PRIMARY KEY,
    state         text NOT NULL DEFAULT 'closed',
    reason        text,
    opened_at     timestamptz,
    probe_at      timestamptz,                       -- not before then is it asked again
    probes        smallint NOT NULL DEFAULT 0,       -- in a row that it answered since it was opened
    is_drained    boolean NOT NULL DEFAULT false,    -- by a person: nothing new goes there
    weight        smallint NOT NULL DEFAULT 100,     -- lessened while it delivers slowly
    weight_at     timestamptz,
    checked_at    timestamptz,
    said          text,
    list_at       timestamptz,                       -- not before then are its records read again
    opt_outs_at   timestamptz,                       -- when its own list of opt-outs was read last
    CONSTRAINT provider_health_state_is_known CHECK (state IN (
        'closed',     -- texts go
        'open',       -- it refuses, or is silent: nothing goes but a probe now and then
        'probing')),  -- it answered a probe; it is closed after three
    CONSTRAINT provider_health_weight_is_a_percentage CHECK (weight BETWEEN 0 AND 100)
) WITH (fillfactor = 50);

ALTER TABLE daemons ADD COLUMN texts_per_second real NOT NULL DEFAULT 0;

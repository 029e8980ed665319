"""What becomes of each text, and what the dispatchers share."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import TableClass, described, instant, stored, tenant_key


class CampaignRecipient(SQLModel, table=True):
    """A customer frozen into one occurrence: phone, text and variant included."""

    __tablename__ = "campaign_recipients"
    __table_args__: Any = (
        UniqueConstraint(
            "user_id", "occurrence_id", "phone_number", "step", name="campaign_recipients_phone_number_key"
        ),
        ForeignKeyConstraint(["user_id", "occurrence_id"], ["campaign_occurrences.user_id", "campaign_occurrences.id"]),
        CheckConstraint(
            "status IN ('pending', 'claimed', 'submitting', 'sent', 'delivered', 'bounced', 'failed', 'unknown',"
            " 'suppressed', 'expired', 'cancelled')",
            name="campaign_recipients_status_is_known",
        ),
        CheckConstraint(
            "(status IN ('claimed', 'submitting')) = (claimed_by IS NOT NULL AND claimed_until IS NOT NULL)",
            name="campaign_recipients_a_lease_has_a_holder",
        ),
        CheckConstraint(
            "status NOT IN ('sent', 'delivered', 'bounced') OR provider_message_id IS NOT NULL",
            name="campaign_recipients_what_was_sent_has_a_proof",
        ),
        Index(
            "campaign_recipients_due_idx",
            "user_id",
            "occurrence_id",
            "send_after",
            "id",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("campaign_recipients_customer_id_idx", "customer_id", "phone_number"),
        Index(
            "campaign_recipients_leased_idx",
            "claimed_until",
            "user_id",
            postgresql_where=text("status IN ('claimed', 'submitting')"),
        ),
        Index(
            "campaign_recipients_unknown_idx", "user_id", "occurrence_id", postgresql_where=text("status = 'unknown'")
        ),
        Index(
            "campaign_recipients_appointment_key",
            "user_id",
            "campaign_id",
            "appointment_at",
            "phone_number",
            unique=True,
            postgresql_where=text("appointment_at IS NOT NULL"),
        ),
        Index(
            "campaign_recipients_confirms_key",
            "user_id",
            "confirms",
            unique=True,
            postgresql_where=text("confirms IS NOT NULL"),
        ),
        described(TableClass.TENANT, fillfactor=80, autovacuum_vacuum_scale_factor=0.02),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    occurrence_id: UUID = stored(Uuid())
    campaign_id: UUID = stored(Uuid())
    customer_id: UUID | None = stored(Uuid(), optional=True)
    phone_number: str = stored(Text())
    step: str = stored(Text(), default="''")
    variant: str = stored(Text(), default="''")
    timezone: str = stored(Text())
    personalized_content: str = stored(Text())
    encoding: str = stored(Text())
    segments_used: int = stored(SmallInteger())
    status: str = stored(Text(), default="'pending'")
    reason: str | None = stored(Text(), optional=True)
    send_after: datetime = stored(instant())
    expires_at: datetime = stored(instant())
    claimed_by: UUID | None = stored(Uuid(), optional=True)
    claimed_until: datetime | None = stored(instant(), optional=True)
    fence: int = stored(Integer(), default="0")
    attempt: int = stored(SmallInteger(), default="0")
    retry_count: int = stored(SmallInteger(), default="0")
    provider: str | None = stored(Text(), optional=True)
    provider_message_id: str | None = stored(Text(), optional=True)
    error_code: str | None = stored(Text(), optional=True)
    error_message: str | None = stored(Text(), optional=True)
    cost: Decimal | None = stored(Numeric(12, 4), optional=True)
    currency: str | None = stored(Text(), optional=True)
    sent_at: datetime | None = stored(instant(), optional=True)
    delivered_at: datetime | None = stored(instant(), optional=True)
    created_at: datetime = stored(instant(), default="now()")
    updated_at: datetime = stored(instant(), default="now()")
    carrier_retries: int = stored(SmallInteger(), default="0")
    preferred_time: str | None = stored(Text(), optional=True)
    appointment_at: datetime | None = stored(instant(), optional=True)
    confirms: UUID | None = stored(Uuid(), optional=True)


class Submission(SQLModel, table=True):
    """One attempt, written and committed before the provider is called."""

    __tablename__ = "submissions"
    __table_args__: Any = (
        CheckConstraint(
            "outcome IN ('accepted', 'rejected', 'unavailable', 'unknown', 'not_sent', 'absent')",
            name="submissions_outcome_is_known",
        ),
        CheckConstraint(
            "outcome <> 'accepted' OR provider_message_id IS NOT NULL", name="submissions_what_was_accepted_has_an_id"
        ),
        Index(
            "submissions_provider_message_id_key",
            "user_id",
            "provider",
            "provider_message_id",
            unique=True,
            postgresql_where=text("provider_message_id IS NOT NULL"),
        ),
        Index("submissions_phone_number_idx", "phone_number", "started_at"),
        Index("submissions_occurrence_idx", "occurrence_id", "started_at"),
        Index(
            "submissions_open_idx",
            "provider",
            "sender",
            "started_at",
            postgresql_where=text("outcome = 'accepted' AND closed_at IS NULL"),
        ),
        Index(
            "submissions_unknown_idx",
            "provider",
            "started_at",
            postgresql_where=text("outcome = 'unknown' AND closed_at IS NULL"),
        ),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    recipient_id: UUID = stored(Uuid())
    occurrence_id: UUID = stored(Uuid())
    phone_number: str = stored(Text())
    provider: str = stored(Text())
    sender: str = stored(Text())
    attempt: int = stored(SmallInteger())
    parts: int = stored(SmallInteger())
    started_at: datetime = stored(instant())
    outcome: str | None = stored(Text(), optional=True)
    provider_message_id: str | None = stored(Text(), optional=True)
    provider_code: str | None = stored(Text(), optional=True)
    detail: str | None = stored(Text(), optional=True)
    settled_at: datetime | None = stored(instant(), optional=True)
    receipt_status: str | None = stored(Text(), optional=True)
    closed_at: datetime | None = stored(instant(), optional=True)
    reserved: Decimal | None = stored(Numeric(12, 4), optional=True)
    month_budget_id: UUID | None = stored(Uuid(), optional=True)
    campaign_budget_id: UUID | None = stored(Uuid(), optional=True)
    looks: int = stored(SmallInteger(), default="0")
    looked_at: datetime | None = stored(instant(), optional=True)
    absent_at: datetime | None = stored(instant(), optional=True)
    finding: str | None = stored(Text(), optional=True)
    look_at: datetime | None = stored(instant(), optional=True)
    spent: Decimal | None = stored(Numeric(12, 4), optional=True)
    receipt_code: str | None = stored(Text(), optional=True)


class DeliveryEvent(SQLModel, table=True):
    """What a provider reported, as it came. Append-only."""

    __tablename__ = "delivery_events"
    __table_args__: Any = (
        UniqueConstraint("user_id", "provider", "provider_message_id", "status", name="delivery_events_status_key"),
        CheckConstraint("source IN ('poll', 'callback', 'event')", name="delivery_events_source_is_known"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    provider: str = stored(Text())
    provider_message_id: str = stored(Text())
    status: str = stored(Text())
    code: str | None = stored(Text(), optional=True)
    parts: int | None = stored(SmallInteger(), optional=True)
    price: Decimal | None = stored(Numeric(12, 4), optional=True)
    currency: str | None = stored(Text(), optional=True)
    source: str = stored(Text())
    received_at: datetime = stored(instant(), default="now()")


class Alert(SQLModel, table=True):
    """What a person should look at, until acknowledged."""

    __tablename__ = "alerts"
    __table_args__: Any = (
        Index(
            "alerts_open_key",
            "user_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("acknowledged_at IS NULL"),
        ),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    kind: str = stored(Text())
    subject: str = stored(Text())
    message: str = stored(Text())
    raised_at: datetime = stored(instant(), default="now()")
    acknowledged_at: datetime | None = stored(instant(), optional=True)
    acknowledged_by: str | None = stored(Text(), optional=True)

"""What is to be sent: templates, campaigns, and each run of a campaign."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import Json, TableClass, described, instant, stored, tenant_key


class SmsTemplate(SQLModel, table=True):
    """One immutable version of a template; the newest of a name is the current one."""

    __tablename__ = "sms_templates"
    __table_args__: Any = (
        UniqueConstraint("user_id", "name", "version", name="sms_templates_version_key"),
        CheckConstraint("encoding IN ('gsm7', 'ucs2')", name="sms_templates_encoding_is_known"),
        Index("sms_templates_current_key", "user_id", "name", unique=True, postgresql_where=text("is_current")),
        Index(
            "sms_templates_default_key",
            "user_id",
            "category",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("is_current AND is_default"),
        ),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    name: str = stored(Text())
    version: int = stored(Integer(), default="1")
    is_current: bool = stored(Boolean(), default="true")
    category: str | None = stored(Text(), optional=True)
    description: str | None = stored(Text(), optional=True)
    subject: str | None = stored(Text(), optional=True)
    content: str = stored(Text())
    variables: Json = stored(JSONB(), default="'[]'")
    transliterate: bool = stored(Boolean(), default="false")
    character_count: int = stored(Integer())
    estimated_segments: int = stored(Integer())
    encoding: str = stored(Text())
    is_active: bool = stored(Boolean(), default="true")
    is_default: bool = stored(Boolean(), default="false")
    compliance_checked: bool = stored(Boolean(), default="false")
    compliance_notes: str | None = stored(Text(), optional=True)
    tags: list[str] = stored(ARRAY(Text()), default="'{}'")
    created_at: datetime = stored(instant(), default="now()")
    updated_at: datetime = stored(instant(), default="now()")


class SmsCampaign(SQLModel, table=True):
    """One planned sending, as its definition describes it."""

    __tablename__ = "sms_campaigns"
    __table_args__: Any = (
        ForeignKeyConstraint(["user_id", "template_id"], ["sms_templates.user_id", "sms_templates.id"]),
        CheckConstraint("type IN ('blast', 'drip', 'reminder', 'promotional')", name="sms_campaigns_type_is_known"),
        CheckConstraint(
            "status IN ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')",
            name="sms_campaigns_status_is_known",
        ),
        CheckConstraint("priority IN ('urgent', 'high', 'normal', 'low')", name="sms_campaigns_priority_is_known"),
        CheckConstraint("source IN ('definitions', 'command', 'send')", name="sms_campaigns_source_is_known"),
        CheckConstraint("batch_size > 0", name="sms_campaigns_batch_size_is_positive"),
        CheckConstraint("send_rate_per_minute > 0", name="sms_campaigns_send_rate_is_positive"),
        CheckConstraint("max_retries >= 0", name="sms_campaigns_max_retries_is_not_negative"),
        CheckConstraint("status <> 'paused' OR status_reason IS NOT NULL", name="sms_campaigns_a_pause_has_a_reason"),
        Index("sms_campaigns_name_key", "user_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
        Index("sms_campaigns_user_status_idx", "user_id", "status"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    name: str = stored(Text())
    description: str | None = stored(Text(), optional=True)
    type: str = stored(Text(), default="'blast'")
    status: str = stored(Text(), default="'draft'")
    status_reason: str | None = stored(Text(), optional=True)
    status_by: str | None = stored(Text(), optional=True)
    priority: str = stored(Text(), default="'normal'")
    template_id: UUID | None = stored(Uuid(), optional=True)
    message_content: str = stored(Text())
    scheduled_at: datetime | None = stored(instant(), optional=True)
    timezone: str = stored(Text())
    repeat_pattern: Json | None = stored(JSONB(), optional=True)
    target_criteria: Json = stored(JSONB())
    estimated_recipients: int | None = stored(Integer(), optional=True)
    batch_size: int = stored(Integer(), default="50")
    send_rate_per_minute: int = stored(Integer(), default="60")
    max_retries: int = stored(Integer(), default="3")
    expires_after: timedelta | None = stored(Interval(), optional=True)
    cost_estimate: Decimal | None = stored(Numeric(12, 4), optional=True)
    currency: str = stored(Text())
    definition: Json = stored(JSONB())
    revision: int = stored(Integer(), default="1")
    source: str = stored(Text(), default="'definitions'")
    created_at: datetime = stored(instant(), default="now()")
    updated_at: datetime = stored(instant(), default="now()")
    started_at: datetime | None = stored(instant(), optional=True)
    completed_at: datetime | None = stored(instant(), optional=True)
    archived_at: datetime | None = stored(instant(), optional=True)
    created_by: str | None = stored(Text(), optional=True)
    resumed_at: datetime | None = stored(instant(), optional=True)
    overrides: Json = stored(JSONB(), default="'{}'")


class CampaignOccurrence(SQLModel, table=True):
    """One run of a campaign at one time; what a run needs is frozen here at launch."""

    __tablename__ = "campaign_occurrences"
    __table_args__: Any = (
        UniqueConstraint("user_id", "campaign_id", "occurs_at", name="campaign_occurrences_occurs_at_key"),
        ForeignKeyConstraint(["user_id", "campaign_id"], ["sms_campaigns.user_id", "sms_campaigns.id"]),
        ForeignKeyConstraint(["user_id", "template_id"], ["sms_templates.user_id", "sms_templates.id"]),
        CheckConstraint(
            "status IN ('scheduled', 'running', 'completed', 'skipped', 'cancelled')",
            name="campaign_occurrences_status_is_known",
        ),
        CheckConstraint(
            "status <> 'running' OR (revision IS NOT NULL AND definition IS NOT NULL AND launched_at IS NOT NULL)",
            name="campaign_occurrences_a_run_is_pinned",
        ),
        Index(
            "campaign_occurrences_live_idx",
            "status",
            "occurs_at",
            postgresql_where=text("status IN ('scheduled', 'running')"),
        ),
        CheckConstraint("phase IN ('', 'canary', 'trial', 'rest')", name="campaign_occurrences_phase_is_known"),
        Index(
            "campaign_occurrences_advance_idx",
            "advance_at",
            postgresql_where=text("status = 'running' AND advance_at IS NOT NULL"),
        ),
        described(TableClass.TENANT, fillfactor=50),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    campaign_id: UUID = stored(Uuid())
    occurs_at: datetime = stored(instant())
    status: str = stored(Text(), default="'scheduled'")
    revision: int | None = stored(Integer(), optional=True)
    definition: Json | None = stored(JSONB(), optional=True)
    template_id: UUID | None = stored(Uuid(), optional=True)
    audience_size: int | None = stored(Integer(), optional=True)
    exclusions: Json = stored(JSONB(), default="'{}'")
    cost_estimate: Decimal | None = stored(Numeric(12, 4), optional=True)
    priority: str = stored(Text(), default="'normal'")
    batch_size: int = stored(Integer(), default="50")
    send_rate_per_minute: int = stored(Integer(), default="60")
    pace_tat: datetime | None = stored(instant(), optional=True)
    launched_at: datetime | None = stored(instant(), optional=True)
    completed_at: datetime | None = stored(instant(), optional=True)
    created_at: datetime = stored(instant(), default="now()")
    pace_floor: datetime | None = stored(instant(), optional=True)
    pace_idle_at: datetime | None = stored(instant(), optional=True)
    phase: str = stored(Text(), default="''")
    open_until: datetime | None = stored(instant(), optional=True)
    advance_at: datetime | None = stored(instant(), optional=True)
    winner: str | None = stored(Text(), optional=True)
    decision: Json | None = stored(JSONB(), optional=True)
    contents: Json | None = stored(JSONB(), optional=True)
    texts_emptied_at: datetime | None = stored(instant(), optional=True)

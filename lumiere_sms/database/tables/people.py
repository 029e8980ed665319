"""Who: the tenants, the people they know and the segments these fall into."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import Json, TableClass, described, instant, stored, tenant_key


class User(SQLModel, table=True):
    """A tenant: one business, owner of everything else."""

    __tablename__ = "users"
    __table_args__: Any = (
        UniqueConstraint("slug", name="users_slug_key"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="users_slug_is_short_and_plain"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="users_country_is_iso_3166"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="users_currency_is_iso_4217"),
        CheckConstraint("routing IN ('primary', 'round_robin', 'weighted', 'cheapest')", name="users_routing_is_known"),
        CheckConstraint("jsonb_typeof(senders) = 'object'", name="users_senders_is_an_object"),
        CheckConstraint("jsonb_typeof(rules) = 'object'", name="users_rules_is_an_object"),
        described(TableClass.REFERENCE),
    )

    id: UUID = stored(Uuid(), key=True)
    slug: str = stored(Text())
    name: str = stored(Text())
    timezone: str = stored(Text(), default="'Asia/Tokyo'")
    country: str = stored(Text(), default="'JP'")
    currency: str = stored(Text(), default="'JPY'")
    sender: str | None = stored(Text(), optional=True)
    legal_name: str | None = stored(Text(), optional=True)
    created_at: datetime = stored(instant(), default="now()")
    providers: list[str] | None = stored(ARRAY(Text()), optional=True)
    routing: str | None = stored(Text(), optional=True)
    senders: Json = stored(JSONB(), default="'{}'")
    rules: Json = stored(JSONB(), default="'{}'")


class Customer(SQLModel, table=True):
    """A person the business knows. `attributes` is whatever else a CSV brought."""

    __tablename__ = "customers"
    __table_args__: Any = (
        UniqueConstraint("user_id", "external_id", name="customers_external_id_key"),
        CheckConstraint("phone_number ~ '^\\+[1-9][0-9]{6,14}$'", name="customers_phone_number_is_e164"),
        CheckConstraint("visit_count >= 0", name="customers_visit_count_is_not_negative"),
        CheckConstraint("jsonb_typeof(attributes) = 'object'", name="customers_attributes_is_an_object"),
        CheckConstraint(
            "preferred_time ~ '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$'",
            name="customers_preferred_time_is_a_range",
        ),
        Index("customers_phone_number_idx", "user_id", "phone_number"),
        Index("customers_last_visit_date_idx", "user_id", "last_visit_date"),
        Index(
            "customers_next_appointment_at_idx",
            "user_id",
            "next_appointment_at",
            postgresql_where=text("next_appointment_at IS NOT NULL"),
        ),
        Index("customers_opt_out_idx", "user_id", "phone_number", postgresql_where=text("opt_out_date IS NOT NULL")),
        Index("customers_tags_idx", "tags", postgresql_using="gin"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    external_id: str | None = stored(Text(), optional=True)
    phone_number: str | None = stored(Text(), optional=True)
    first_name: str | None = stored(Text(), optional=True)
    last_name: str | None = stored(Text(), optional=True)
    total_sales: Decimal = stored(Numeric(14, 2), default="0")
    visit_count: int = stored(Integer(), default="0")
    last_visit_date: date | None = stored(Date(), optional=True)
    next_appointment_at: datetime | None = stored(instant(), optional=True)
    birthday: date | None = stored(Date(), optional=True)
    tags: list[str] = stored(ARRAY(Text()), default="'{}'")
    attributes: Json = stored(JSONB(), default="'{}'")
    allow_promotional: bool = stored(Boolean(), default="false")
    allow_reminders: bool = stored(Boolean(), default="true")
    preferred_time: str | None = stored(Text(), optional=True)
    timezone: str | None = stored(Text(), optional=True)
    opt_out_date: datetime | None = stored(instant(), optional=True)
    last_sms_response: datetime | None = stored(instant(), optional=True)
    created_at: datetime = stored(instant(), default="now()")
    updated_at: datetime = stored(instant(), default="now()")


class Suppression(SQLModel, table=True):
    """A number that is not texted, whoever has it; after its owner was erased, its keyed hash alone."""

    __tablename__ = "suppressions"
    __table_args__: Any = (
        UniqueConstraint("user_id", "phone_number", name="suppressions_phone_number_key"),
        CheckConstraint("phone_number ~ '^\\+[1-9][0-9]{6,14}$'", name="suppressions_phone_number_is_e164"),
        UniqueConstraint("user_id", "number_mac", name="suppressions_number_mac_key"),
        CheckConstraint("(phone_number IS NULL) <> (number_mac IS NULL)", name="suppressions_are_of_a_number"),
        CheckConstraint(
            "reason IN ('opted_out', 'complaint', 'invalid_number', 'landline', 'blocked', 'reassigned')",
            name="suppressions_reason_is_known",
        ),
        CheckConstraint(
            "source IN ('import', 'operator', 'provider', 'reply', 'link')", name="suppressions_source_is_known"
        ),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    phone_number: str | None = stored(Text(), optional=True)
    reason: str = stored(Text())
    source: str = stored(Text())
    created_at: datetime = stored(instant(), default="now()")
    number_mac: bytes | None = stored(LargeBinary(), optional=True)
    note: str | None = stored(Text(), optional=True)


class AudienceSegment(SQLModel, table=True):
    """Criteria, or a fixed list of members, that select customers."""

    __tablename__ = "audience_segments"
    __table_args__: Any = (
        UniqueConstraint("user_id", "name", name="audience_segments_name_key"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    name: str = stored(Text())
    description: str | None = stored(Text(), optional=True)
    criteria: Json = stored(JSONB(), default="'{}'")
    is_dynamic: bool = stored(Boolean(), default="true")
    is_active: bool = stored(Boolean(), default="true")
    estimated_size: int | None = stored(Integer(), optional=True)
    last_calculated_at: datetime | None = stored(instant(), optional=True)
    created_at: datetime = stored(instant(), default="now()")
    updated_at: datetime = stored(instant(), default="now()")


class SegmentMember(SQLModel, table=True):
    """One person of a static segment."""

    __tablename__ = "segment_members"
    __table_args__: Any = (
        UniqueConstraint("user_id", "segment_id", "customer_id", name="segment_members_customer_key"),
        ForeignKeyConstraint(["user_id", "segment_id"], ["audience_segments.user_id", "audience_segments.id"]),
        ForeignKeyConstraint(["user_id", "customer_id"], ["customers.user_id", "customers.id"], ondelete="CASCADE"),
        Index("segment_members_customer_id_idx", "customer_id"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    segment_id: UUID = stored(Uuid())
    customer_id: UUID = stored(Uuid())


class SegmentRevision(SQLModel, table=True):
    """What a segment was since it was written so: its criteria, or the members of a fixed list. Append-only."""

    __tablename__ = "segment_revisions"
    __table_args__: Any = (
        UniqueConstraint("user_id", "segment_id", "revision", name="segment_revisions_revision_key"),
        ForeignKeyConstraint(["user_id", "segment_id"], ["audience_segments.user_id", "audience_segments.id"]),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    segment_id: UUID = stored(Uuid())
    revision: int = stored(Integer())
    criteria: Json = stored(JSONB())
    members: list[UUID] | None = stored(ARRAY(Uuid()), optional=True)
    written_at: datetime = stored(instant(), default="now()")

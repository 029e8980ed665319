"""How far people are in sequences, and what came back from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import TableClass, described, instant, stored, tenant_key


class Enrolment(SQLModel, table=True):
    """A customer in a drip campaign: which step is next, and when. `round` counts the times they entered."""

    __tablename__ = "enrolments"
    __table_args__: Any = (
        UniqueConstraint("user_id", "campaign_id", "customer_id", "round", name="enrolments_round_key"),
        UniqueConstraint("user_id", "campaign_id", "phone_number", "round", name="enrolments_phone_number_key"),
        ForeignKeyConstraint(["user_id", "campaign_id"], ["sms_campaigns.user_id", "sms_campaigns.id"]),
        CheckConstraint("round >= 1 AND steps_done >= 0", name="enrolments_counts_are_not_negative"),
        CheckConstraint("(left_at IS NULL) = (next_at IS NOT NULL)", name="enrolments_who_is_in_has_a_next_step"),
        CheckConstraint("(left_at IS NULL) = (left_reason IS NULL)", name="enrolments_who_left_has_a_reason"),
        Index("enrolments_customer_id_idx", "customer_id"),
        Index("enrolments_due_idx", "campaign_id", "next_at", postgresql_where=text("left_at IS NULL")),
        described(TableClass.TENANT, fillfactor=80),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    campaign_id: UUID = stored(Uuid())
    customer_id: UUID = stored(Uuid())
    phone_number: str = stored(Text())
    round: int = stored(SmallInteger(), default="1")
    steps_done: int = stored(SmallInteger(), default="0")
    enrolled_at: datetime = stored(instant())
    next_at: datetime | None = stored(instant(), optional=True)
    recipient_id: UUID | None = stored(Uuid(), optional=True)
    left_at: datetime | None = stored(instant(), optional=True)
    left_reason: str | None = stored(Text(), optional=True)


class Response(SQLModel, table=True):
    """What somebody did after a text: replied, or followed its link. Append-only."""

    __tablename__ = "responses"
    __table_args__: Any = (
        CheckConstraint("kind IN ('reply', 'click')", name="responses_kind_is_known"),
        Index("responses_phone_number_idx", "phone_number", "at"),
        Index("responses_at_idx", "user_id", "at"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    kind: str = stored(Text())
    phone_number: str = stored(Text())
    recipient_id: UUID | None = stored(Uuid(), optional=True)
    at: datetime = stored(instant())


class PhoneTurn(SQLModel, table=True):
    """Whose turn it is to arm a text to a number under a frequency cap: a row to hold while counting."""

    __tablename__ = "phone_turns"
    __table_args__: Any = (
        UniqueConstraint("user_id", "number_hash", name="phone_turns_number_hash_key"),
        described(TableClass.TENANT, fillfactor=50),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    number_hash: int = stored(BigInteger())
    taken_at: datetime = stored(instant())

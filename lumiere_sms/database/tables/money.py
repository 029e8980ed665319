"""What may be spent, and who changed what."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import Json, TableClass, described, instant, stored, tenant_key


class Budget(SQLModel, table=True):
    """What a campaign, or a tenant in a month, may spend. Reserved in the arm, committed by the settlement."""

    __tablename__ = "budgets"
    __table_args__: Any = (
        UniqueConstraint(
            "user_id", "campaign_id", "month", name="budgets_scope_key", postgresql_nulls_not_distinct=True
        ),
        ForeignKeyConstraint(["user_id", "campaign_id"], ["sms_campaigns.user_id", "sms_campaigns.id"]),
        CheckConstraint("campaign_id IS NULL OR month IS NULL", name="budgets_has_one_scope"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="budgets_currency_is_iso_4217"),
        CheckConstraint(
            "amount >= 0 AND reserved >= 0 AND committed >= 0 AND adjusted >= 0", name="budgets_are_not_negative"
        ),
        CheckConstraint("reserved + committed <= amount", name="budgets_are_never_overspent"),
        described(TableClass.TENANT, fillfactor=50),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    campaign_id: UUID | None = stored(Uuid(), optional=True)
    month: date | None = stored(Date(), optional=True)
    amount: Decimal = stored(Numeric(14, 4))
    currency: str = stored(Text())
    reserved: Decimal = stored(Numeric(14, 4), default="0")
    committed: Decimal = stored(Numeric(14, 4), default="0")
    adjusted: Decimal = stored(Numeric(14, 4), default="0")
    updated_at: datetime = stored(instant(), default="now()")


class AuditEntry(SQLModel, table=True):
    """A change of state by a person or a rule. Append-only; older ones than the chain have no number."""

    __tablename__ = "audit_log"
    __table_args__: Any = (
        UniqueConstraint("user_id", "seq", name="audit_log_seq_key"),
        CheckConstraint("(seq IS NULL) = (hash IS NULL)", name="audit_log_what_is_chained_has_a_hash"),
        Index("audit_log_subject_idx", "subject"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    at: datetime = stored(instant(), default="now()")
    actor: str = stored(Text())
    action: str = stored(Text())
    subject: str = stored(Text())
    reason: str | None = stored(Text(), optional=True)
    before: Json | None = stored(JSONB(), optional=True)
    after: Json | None = stored(JSONB(), optional=True)
    seq: int | None = stored(BigInteger(), optional=True)
    hash: bytes | None = stored(LargeBinary(), optional=True)


class AuditHead(SQLModel, table=True):
    """Where a tenant's chain of audit entries ends."""

    __tablename__ = "audit_heads"
    __table_args__: Any = (
        UniqueConstraint("user_id", name="audit_heads_user_id_key"),
        described(TableClass.TENANT, fillfactor=50),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    seq: int = stored(BigInteger())
    hash: bytes = stored(LargeBinary())
    at: datetime = stored(instant())

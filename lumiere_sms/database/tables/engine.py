"""What the dispatchers share: pace, the health of providers, and who is alive. Local to one database."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, Double, Integer, SmallInteger, Text, Uuid
from sqlalchemy.dialects.postgresql import REAL
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import TableClass, described, instant, stored


class PaceLimit(SQLModel, table=True):
    """The pace of one sender, or of a tenant (GCRA: one timestamp), in parts."""

    __tablename__ = "pace_limits"
    __table_args__: Any = (
        CheckConstraint("parts_per_second > 0 AND burst >= 1", name="pace_limits_rate_is_positive"),
        CheckConstraint(
            "parts_per_minute > 0 AND parts_per_day > 0 AND rate > 0", name="pace_limits_limits_are_positive"
        ),
        CheckConstraint("provider = '' OR parts_per_second IS NOT NULL", name="pace_limits_a_sender_has_a_rate"),
        described(TableClass.LOCAL, fillfactor=50),
    )

    provider: str = stored(Text(), key=True)
    sender: str = stored(Text(), key=True)
    owner: UUID | None = stored(Uuid(), optional=True)
    parts_per_second: float | None = stored(Double(), optional=True)
    burst: float | None = stored(Double(), optional=True)
    tat: datetime | None = stored(instant(), optional=True)
    blocked_until: datetime | None = stored(instant(), optional=True)
    blocked_reason: str | None = stored(Text(), optional=True)
    is_set: bool = stored(Boolean(), default="false")
    rate: float | None = stored(Double(), optional=True)
    cut_at: datetime | None = stored(instant(), optional=True)
    cut_reason: str | None = stored(Text(), optional=True)
    refused_at: datetime | None = stored(instant(), optional=True)
    parts_per_minute: int | None = stored(Integer(), optional=True)
    parts_per_day: int | None = stored(Integer(), optional=True)
    zone: str = stored(Text(), default="'UTC'")
    day: date | None = stored(Date(), optional=True)
    day_parts: int = stored(Integer(), default="0")
    tat_floor: datetime | None = stored(instant(), optional=True)
    idle_at: datetime | None = stored(instant(), optional=True)


class ProviderHealth(SQLModel, table=True):
    """Whether a provider is texted through, and how much of what is balanced."""

    __tablename__ = "provider_health"
    __table_args__: Any = (
        CheckConstraint("state IN ('closed', 'open', 'probing')", name="provider_health_state_is_known"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="provider_health_weight_is_a_percentage"),
        described(TableClass.LOCAL, fillfactor=50),
    )

    provider: str = stored(Text(), key=True)
    state: str = stored(Text(), default="'closed'")
    reason: str | None = stored(Text(), optional=True)
    opened_at: datetime | None = stored(instant(), optional=True)
    probe_at: datetime | None = stored(instant(), optional=True)
    probes: int = stored(SmallInteger(), default="0")
    is_drained: bool = stored(Boolean(), default="false")
    weight: int = stored(SmallInteger(), default="100")
    weight_at: datetime | None = stored(instant(), optional=True)
    checked_at: datetime | None = stored(instant(), optional=True)
    said: str | None = stored(Text(), optional=True)
    list_at: datetime | None = stored(instant(), optional=True)
    opt_outs_at: datetime | None = stored(instant(), optional=True)
    replies_at: datetime | None = stored(instant(), optional=True)
    replies_until: datetime | None = stored(instant(), optional=True)


class Daemon(SQLModel, table=True):
    """A running `run`, by its heartbeat."""

    __tablename__ = "daemons"
    __table_args__: Any = (described(TableClass.LOCAL, fillfactor=50),)

    id: UUID = stored(Uuid(), key=True)
    host: str = stored(Text())
    pid: int = stored(Integer())
    version: str = stored(Text())
    started_at: datetime = stored(instant())
    seen_at: datetime = stored(instant())
    texts: int = stored(BigInteger(), default="0")
    stopped_at: datetime | None = stored(instant(), optional=True)
    texts_per_second: float = stored(REAL(), default="0")

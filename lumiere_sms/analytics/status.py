"""What is going on: daemons, campaigns on their way with rate and expected finish, alerts, and why nothing moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement

SILENT_AFTER = timedelta(seconds=20)  # a daemon says that it is alive every 5 s


@dataclass(frozen=True, slots=True)
class Alive:
    """A daemon that said lately that it is alive; `texts` since it started."""

    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    texts: int


@dataclass(frozen=True, slots=True)
class Sender:
    """The pace of a sender, in parts per second, and why it rests, if it does."""

    provider: str
    sender: str
    parts_per_second: float
    blocked_until: datetime | None
    blocked_reason: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person should look at."""

    kind: str
    subject: str
    message: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Live:
    """A campaign on its way. `texts_per_minute` is measured over the last minute; `why` says why nothing moves."""

    name: str
    status: str
    starts_at: datetime
    timezone: str
    recipients: int
    pending: int
    in_flight: int
    unknown: int
    texts_per_minute: int
    finish_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `status` shows, at one instant of the database."""

    now: datetime
    daemons: tuple[Alive, ...]
    senders: tuple[Sender, ...]
    campaigns: tuple[Live, ...]
    alerts: tuple[Alert, ...]


def read_status(database: Database, user_id: UUID, *, now: datetime | None) -> Status:
    """Read what is going on for one tenant, in one snapshot."""
    binds = {"user_id": user_id, "now": now}
    with database.transaction(read_only=True) as connection:
        at = _one(connection, "SELECT coalesce(%(now)s::timestamptz, now()) AS now", binds)["now"]
        binds["silent"] = at - SILENT_AFTER
        daemons = tuple(Alive(**row) for row in connection.execute(_DAEMONS, binds))
        senders = tuple(Sender(**row) for row in connection.execute(_SENDERS, binds))
        alerts = tuple(Alert(**row) for row in connection.execute(_ALERTS, binds))
        rows = connection.execute(statement(__package__, "live_campaigns"), binds).fetchall()
    campaigns = tuple(_live(row, daemons, senders) for row in rows)
    return Status(at, daemons, senders, campaigns, alerts)


def _live(row: dict[str, Any], daemons: tuple[Alive, ...], senders: tuple[Sender, ...]) -> Live:
    pace = min([row["send_rate_per_minute"], *(60 * each.parts_per_second for each in senders)])
    rate = row["last_minute"] or pace
    starts = max(row["now"], row["next_send_after"] or row["now"])
    moves = row["status"] == "running" and row["pending"]
    return Live(
        name=row["name"],
        status=row["status"],
        starts_at=row["occurs_at"],
        timezone=row["timezone"],
        recipients=int(row["recipients"]),
        pending=row["pending"],
        in_flight=row["in_flight"],
        unknown=row["unknown"],
        texts_per_minute=row["last_minute"],
        finish_at=starts + timedelta(minutes=row["pending"] / rate) if moves else None,
        why=_why(row, daemons, senders),
    )


def _why(row: dict[str, Any], daemons: tuple[Alive, ...], senders: tuple[Sender, ...]) -> str:
    """Say why a campaign does not move, the nearest reason first; empty where it does."""
    if row["status"] == "paused":
        return f"paused by {row['status_by'] or 'operator'}: {row['status_reason']}"
    if row["status"] == "scheduled" and row["occurs_at"] > row["now"]:
        return ""
    if row["unknown"] and not row["pending"] and not row["in_flight"]:
        return "only what is unknown is left: a person decides"
    if row["next_send_after"] and row["next_send_after"] > row["now"]:
        at = row["next_send_after"].astimezone(ZoneInfo(row["timezone"]))
        return f"waits until {at:%Y-%m-%d %H:%M %Z}"
    if not daemons:
        return "no daemon is running: lumiere-sms run"
    return _held_up(row, senders) if row["pending"] else ""


def _held_up(row: dict[str, Any], senders: tuple[Sender, ...]) -> str:
    """Say what holds up a running campaign that daemons could send; empty where texts leave."""
    if blocked := [each for each in senders if each.blocked_until and each.blocked_until > row["now"]]:
        return f"{blocked[0].sender} rests: {blocked[0].blocked_reason}"
    if row["last_minute"] or row["in_flight"]:
        return ""
    return "waits for the pace" if senders else "no sender is set: lumiere-sms doctor"


def _one(connection: Connection, query: Any, binds: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(query, binds).fetchone()
    assert row is not None
    return row


_DAEMONS = """
    SELECT host, pid, version, started_at, seen_at, texts FROM daemons
    WHERE stopped_at IS NULL AND seen_at > %(silent)s ORDER BY started_at
"""
_SENDERS = """
    SELECT provider, sender, parts_per_second, blocked_until, blocked_reason FROM pace_limits
    WHERE owner = %(user_id)s OR owner IS NULL ORDER BY provider, sender
"""
_ALERTS = """
    SELECT kind, subject, message, raised_at FROM alerts
    WHERE user_id = %(user_id)s AND acknowledged_at IS NULL ORDER BY raised_at
"""

"""What is going on: daemons, campaigns on their way with rate and expected finish, alerts, and why nothing moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.alerts import Alert, list_alerts
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.logs import mask_phone
from lumiere_sms.sending.scopes import Scope
from lumiere_sms.sending.standings import Known, known_providers

SILENT_AFTER = timedelta(seconds=20)  # a daemon says that it is alive every 5 s
MOST_DOUBTS = 20  # that are shown one by one; `campaign recipients` shows all
GONE_AFTER = timedelta(hours=1)  # one that has been silent for so long is nobody's news any more


@dataclass(frozen=True, slots=True)
class Alive:
    """A daemon by its last sign of life; `texts` since it started, `texts_per_second` lately.

    One that `is_silent` has neither stopped nor said anything for a while: it was killed, or lost the database.
    """

    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    texts: int
    texts_per_second: float
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """The pace of a sender, in parts per second, and why it rests, if it does; `is_spent` says that its day is."""

    provider: str
    sender: str
    parts_per_second: float
    blocked_until: datetime | None
    blocked_reason: str | None
    is_spent: bool = False


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
    is_launched: bool
    texts_per_minute: int
    finish_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A text whose answer was lost and of which nothing is proved: the masked number, and what was looked at so far."""

    campaign: str
    id: UUID
    phone: str
    provider: str
    started_at: datetime
    looks: int
    finding: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `status` shows, at one instant of the database; `to_review` answers wait for a decision."""

    now: datetime
    daemons: tuple[Alive, ...]
    senders: tuple[Sender, ...]
    campaigns: tuple[Live, ...]
    alerts: tuple[Alert, ...]
    doubts: tuple[Doubtful, ...] = ()
    providers: tuple[Known, ...] = ()
    to_review: int = 0


def read_status(database: Database, user_id: UUID, *, now: datetime | None) -> Status:
    """Read what is going on for one tenant, in one snapshot."""
    binds = {"user_id": user_id, "now": now}
    with database.transaction(read_only=True) as connection:
        at = _one(connection, "SELECT coalesce(%(now)s::timestamptz, now()) AS now", binds)["now"]
        binds |= {"silent": at - SILENT_AFTER, "gone": at - GONE_AFTER}
        daemons = tuple(Alive(**row) for row in connection.execute(_DAEMONS, binds))
        senders = tuple(_sender(row, at) for row in connection.execute(_SENDERS, binds))
        alerts = list_alerts(connection, user_id)
        providers = known_providers(connection)
        rows = connection.execute(statement(__package__, "live_campaigns"), binds).fetchall()
        doubts = connection.execute(statement(__package__, "doubtful"), {**binds, "most": MOST_DOUBTS}).fetchall()
        to_review = _one(connection, _TO_REVIEW, binds)["answers"]
    campaigns = tuple(_live(row, daemons, senders, providers) for row in rows)
    shown = tuple(Doubtful(**{**row, "phone": mask_phone(row["phone"])}) for row in doubts)
    return Status(at, daemons, senders, campaigns, alerts, shown, providers, to_review)


def _sender(row: dict[str, Any], now: datetime) -> Sender:
    scope = Scope.read(row, now)
    rate = scope.bucket.parts_per_second if scope.bucket else row["parts_per_second"]
    is_spent = scope.daily is not None and scope.daily.left(now) == 0
    return Sender(row["provider"], row["sender"], rate, row["blocked_until"], row["blocked_reason"], is_spent)


def _live(
    row: dict[str, Any], daemons: tuple[Alive, ...], senders: tuple[Sender, ...], providers: tuple[Known, ...]
) -> Live:
    pace = min([row["send_rate_per_minute"], *(60 * each.parts_per_second for each in senders)])
    rate = row["last_minute"] or pace
    starts = max(row["now"], row["next_send_after"] or row["now"])
    moves = row["status"] == "running" and row["pending"]
    return Live(
        name=row["name"],
        status="scheduled" if _is_between_runs(row) else row["status"],
        starts_at=row["occurs_at"],
        timezone=row["timezone"],
        recipients=int(row["recipients"]),
        pending=row["pending"],
        in_flight=row["in_flight"],
        unknown=row["unknown"],
        is_launched=row["occurrence_status"] == "running",
        texts_per_minute=row["last_minute"],
        finish_at=starts + timedelta(minutes=row["pending"] / rate) if moves else None,
        why=_why(row, daemons, senders, "; ".join(each.why_not for each in providers) if _none(providers) else ""),
    )


def _is_between_runs(row: dict[str, Any]) -> bool:
    """Say whether it is the occurrence ahead of a campaign that comes up again and again."""
    return (row["status"], row["occurrence_status"]) == ("running", "scheduled")


def _none(providers: tuple[Known, ...]) -> bool:
    return bool(providers) and all(each.why_not for each in providers)


def _why(row: dict[str, Any], daemons: tuple[Alive, ...], senders: tuple[Sender, ...], shut: str) -> str:
    """Say why a campaign does not move, the nearest reason first; empty where it does.

    `shut` says why no provider takes texts, where none does.
    """
    if row["status"] == "paused":
        return f"paused by {row['status_by'] or 'operator'}: {row['status_reason']}"
    if row["occurrence_status"] == "scheduled" and row["occurs_at"] > row["now"]:
        return ""
    if row["unknown"] and not row["pending"] and not row["in_flight"]:
        return "only texts in doubt are left: they are looked up, then a person decides"
    if later := _later(row):
        return later
    if all(each.is_silent for each in daemons):
        return "no daemon is running: lumiere-sms run"
    return (shut or _held_up(row, senders)) if row["pending"] else ""


def _later(row: dict[str, Any]) -> str:
    """Say what time a running campaign waits for: that of its next text, or that at which a wave is judged."""
    is_judged = row["phase"] and not row["pending"] and not row["in_flight"]
    for at, what in (
        (row["next_send_after"], "waits until {}"),
        (row["advance_at"] if is_judged else None, f"its {row['phase']} is judged at {{}}, then the others get theirs"),
    ):
        if at and at > row["now"]:
            return what.format(f"{at.astimezone(ZoneInfo(row['timezone'])):%Y-%m-%d %H:%M %Z}")
    return ""


def _held_up(row: dict[str, Any], senders: tuple[Sender, ...]) -> str:
    """Say what holds up a running campaign that daemons could send; empty where texts leave."""
    if blocked := [each for each in senders if each.blocked_until and each.blocked_until > row["now"]]:
        return f"{blocked[0].sender} rests: {blocked[0].blocked_reason}"
    if senders and all(each.is_spent for each in senders):
        return f"{senders[0].sender} has sent its parts of the day: lumiere-sms limit show"
    if row["last_minute"] or row["in_flight"]:
        return ""
    return "waits for the pace" if senders else "no sender is set: lumiere-sms doctor"


def _one(connection: Connection, query: Any, binds: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(query, binds).fetchone()
    assert row is not None
    return row


_DAEMONS = """
    SELECT host, pid, version, started_at, seen_at, texts, texts_per_second, seen_at <= %(silent)s AS is_silent
    FROM daemons
    WHERE stopped_at IS NULL AND seen_at > %(gone)s
    ORDER BY is_silent, started_at
    LIMIT 50
"""
_TO_REVIEW = "SELECT count(*) AS answers FROM inbound_messages WHERE user_id = %(user_id)s AND meaning = 'review'"
_SENDERS = """
    SELECT 'sender' AS kind, provider, sender, parts_per_second, rate, cut_at, refused_at, parts_per_minute,
        tat, tat_floor, idle_at, parts_per_day, zone, day, day_parts, blocked_until, blocked_reason
    FROM pace_limits
    WHERE provider <> '' AND (owner = %(user_id)s OR owner IS NULL) ORDER BY provider, sender
"""

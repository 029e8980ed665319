"""How a recipient moves from state to state: each function is one statement that names the state it leaves.

    pending ─claim─► claimed ─arm─► submitting ─settle─► sent | failed | pending | unknown
       ▲                │ turn_away: pending | suppressed | expired | cancelled, sent by an earlier attempt
       └────────────────┘ reap: claimed → pending, submitting → unknown

The caller opens the transaction, and no transaction spans a call to a provider. `now` is None where
the database's own clock speaks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns import budgets, capping
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.providers.prices import PriceOf

NIL = UUID(int=0)
NO_BUDGET = budgets.Allotment()
POINTS = 10_000  # of the hash of a phone, as claim.sql has it
LEASE = timedelta(seconds=60)
#: An arm needs this much of the lease: longer than the longest call (34 s in all).
LEASE_LEFT = timedelta(seconds=35)
#: A text is not claimed in the last minutes of its window: the rest of a lease before the arm (25 s), the
#: shortest validity a provider's queue may be given (60 s) and a margin (30 s) have to fit.
USABLE = timedelta(minutes=2)


class Outcome(StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"  # the call never began


@dataclass(frozen=True, slots=True)
class Claimed:
    """A recipient leased to this dispatcher."""

    id: UUID
    phone_number: str
    personalized_content: str
    segments_used: int
    timezone: str
    preferred_time: str | None
    step: str
    send_after: datetime
    expires_at: datetime
    fence: int
    retry_count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A claimed recipient that wants to pass the arm as the attempt `attempt_id`, from `sender`.

    It passes until `leave_by`: a text armed later could wait at the provider beyond its window.
    """

    id: UUID
    fence: int
    attempt_id: UUID
    campaign_id: UUID
    sender: str
    phone_number: str
    parts: int
    leave_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Armed:
    """What an arm came to: the attempts that passed, those of them that hold a budget, and who has none left.

    `short` names campaigns that have a text which does not fit their budgets, with the reason.
    """

    passed: frozenset[UUID]
    holding: frozenset[UUID] = frozenset()
    short: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one attempt. `wait` is how long the recipient rests where it may go again."""

    attempt_id: UUID
    id: UUID
    fence: int
    campaign_id: UUID
    outcome: Outcome
    message_id: str | None = None
    code: str | None = None
    detail: str | None = None
    reason: str | None = None
    parts: int | None = None
    cost: Decimal | None = None
    currency: str | None = None
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rooms:
    """How many parts may go now by each scope of pace, and how many of a larger text are enough to let it go."""

    rooms: tuple[int, ...]
    bursts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Which phones a provider takes, whatever their campaign: so a phone stays with its provider.

    `width` points of a hash of the phone from `low` on, round the end; and of these the numbers of the calling
    `codes`, or where `excludes`, of all others.
    """

    low: int = 0
    width: int = POINTS
    codes: tuple[str, ...] = ()
    excludes: bool = True


EVERYBODY = Share()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a dispatcher's last claim in an occurrence ended; claims go on behind it, in its share."""

    after: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    after_id: UUID = NIL
    share: Share = EVERYBODY


def claim(
    connection: Connection,
    user_id: UUID,
    *,
    occurrence_id: UUID,
    daemon: UUID,
    limit: int,
    rooms: Rooms,
    now: datetime,
    cursor: Cursor,
) -> tuple[list[Claimed], bool]:
    """Lease up to `limit` recipients that are due and fit `rooms`; `now` is the database's instant.

    Returns them, and whether more may be waiting behind them.
    """
    binds = {
        "user_id": user_id,
        "occurrence_id": occurrence_id,
        "daemon": daemon,
        "limit": limit,
        "rooms": list(rooms.rooms),
        "bursts": list(rooms.bursts),
        "now": now,
        "after": cursor.after,
        "after_id": cursor.after_id,
        **share_binds(cursor.share),
        "lease_until": now + LEASE,
        "usable_until": now + USABLE,
    }
    rows = connection.cursor(binary=True).execute(statement(__package__, "claim"), binds).fetchall()
    due = [row.pop("due") for row in rows]
    claimed = [Claimed(**row) for row in rows if row["id"] is not None]
    return claimed, due[0] >= limit or len(claimed) < due[0]


def share_binds(share: Share) -> dict[str, Any]:
    """Return a share as claim.sql takes it."""
    names = {f"share_{name}": value for name, value in asdict(share).items()}
    return {**names, "share_codes": list(share.codes)}


def arm(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[Asked],
    *,
    daemon: UUID,
    provider: str,
    price_of: PriceOf,
    now: datetime | None,
) -> Armed:
    """Let pass what may go and what its budgets hold, and write its submission."""
    campaigns = {"user_id": user_id, "campaign_ids": list({each.campaign_id for each in asked})}
    running = connection.execute(statement(__package__, "hold_running"), campaigns).fetchall()
    if caps := {row["id"]: (row["kind"], row["cap"]) for row in running if row["cap"]}:
        asked = capping.keep_within(connection, user_id, asked, caps, daemon=daemon, now=now)
    budgeted = [row["id"] for row in running if row["is_budgeted"]]
    allotted = _allot(connection, user_id, asked, budgeted, price_of=price_of, now=now) if budgeted else NO_BUDGET
    may_go = [each for each in asked if each.attempt_id not in allotted.turned_away]
    binds = {
        "user_id": user_id,
        "daemon": daemon,
        "provider": provider,
        "now": now,
        "lease_left": LEASE_LEFT,
        "ids": [each.id for each in may_go],
        "fences": [each.fence for each in may_go],
        "attempt_ids": [each.attempt_id for each in may_go],
        "senders": [each.sender for each in may_go],
        "leave_bys": _column(may_go, "leave_by"),
        "campaign_ids": [row["id"] for row in running],
        "promotional_ids": [row["id"] for row in running if row["consent"] == "promotional"],
        "reminder_ids": [row["id"] for row in running if row["consent"] == "reminder"],
        **allotted.columns([each.attempt_id for each in may_go]),
    }
    passed = frozenset(row["id"] for row in connection.execute(statement(__package__, "arm"), binds))
    return _reserve(connection, user_id, passed, allotted, now=now) if budgeted else Armed(passed)


def _allot(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[Asked],
    budgeted: Sequence[UUID],
    *,
    price_of: PriceOf,
    now: datetime | None,
) -> budgets.Allotment:
    held = budgets.hold_for_arm(connection, user_id, budgeted, now=now)
    wanted = [
        budgets.Wanted(each.attempt_id, each.campaign_id, each.phone_number, each.parts)
        for each in asked
        if each.campaign_id in budgeted
    ]
    return budgets.allot(wanted, held, price_of=price_of)


def _reserve(
    connection: Connection, user_id: UUID, passed: frozenset[UUID], allotted: budgets.Allotment, *, now: datetime | None
) -> Armed:
    """Reserve for what passed. Where something did not, what it was allotted is free: nothing is short yet."""
    fitting = allotted.fitting
    budgets.reserve(connection, user_id, [fitting[id_] for id_ in passed if id_ in fitting], now=now)
    return Armed(passed, passed & fitting.keys(), allotted.short if passed >= fitting.keys() else {})


def turn_away(
    connection: Connection, user_id: UUID, asked: Sequence[Asked], *, daemon: UUID, now: datetime | None
) -> dict[UUID, str]:
    """Give back what did not pass the arm; return the status each recipient has now."""
    binds = {
        "user_id": user_id,
        "daemon": daemon,
        "now": now,
        "ids": [each.id for each in asked],
        "fences": [each.fence for each in asked],
    }
    return {row["id"]: row["status"] for row in connection.execute(statement(__package__, "turn_away"), binds)}


def settle(on: Connection | Database, user_id: UUID, results: Sequence[Result], *, now: datetime | None) -> set[UUID]:
    """Record answers; return the attempts whose recipient had moved on: their outcome is kept, and told."""
    again = {each.campaign_id for each in results if each.outcome in {Outcome.UNAVAILABLE, Outcome.NOT_SENT}}
    binds = {
        "user_id": user_id,
        "now": now,
        "again": list(again),
        "attempt_ids": [each.attempt_id for each in results],
        "ids": [each.id for each in results],
        "fences": [each.fence for each in results],
        "outcomes": [each.outcome.value for each in results],
        "message_ids": _column(results, "message_id"),
        "codes": _column(results, "code"),
        "details": _column(results, "detail"),
        "reasons": _column(results, "reason"),
        "parts": _column(results, "parts"),
        "costs": _column(results, "cost"),
        "currencies": _column(results, "currency"),
        "waits": _column(results, "wait"),
        "alert_ids": [new_id() for _ in results],
    }
    return {row["attempt_id"] for row in on.execute(statement(__package__, "settle"), binds)}


def _column(rows: Sequence[Any], name: str) -> list[Any] | None:
    """Return an array of what each row says, or None where all say nothing: unnest fills that up with nulls."""
    values = [getattr(row, name) for row in rows]
    return values if any(value is not None for value in values) else None


def expired_leases(connection: Connection, *, now: datetime | None) -> list[UUID]:
    """Return the tenants that have recipients whose lease is over."""
    found = connection.execute(statement(__package__, "expired_leases"), {"now": now})
    return [row["user_id"] for row in found]


def reap(connection: Connection, user_id: UUID, *, now: datetime | None) -> Counter[str]:
    """Take back the leases that are over; return how many went to `pending` and to `unknown`."""
    found = connection.execute(statement(__package__, "reap"), {"user_id": user_id, "now": now})
    return Counter(row["status"] for row in found)


def expire(connection: Connection, user_id: UUID, *, occurrence_id: UUID, now: datetime) -> int:
    """Let go of recipients whose last window has ended, 10,000 at most; return how many."""
    binds = {"user_id": user_id, "occurrence_id": occurrence_id, "now": now, "usable_until": now + USABLE}
    return connection.execute(statement(__package__, "expire"), binds).rowcount


def defer(
    connection: Connection,
    user_id: UUID,
    *,
    occurrence_id: UUID,
    timezone: str,
    preferred_time: str | None,
    step: str | None = None,
    opens_at: datetime,
    now: datetime,
) -> int:
    """Let what is due where a window is closed wait until it opens, 10,000 at most; return how many.

    A window is one of a zone and of the hours that people prefer, and of a step where steps have their own.
    """
    binds = {
        "user_id": user_id,
        "occurrence_id": occurrence_id,
        "timezone": timezone,
        "preferred_time": preferred_time,
        "step": step,
        "opens_at": opens_at,
        "now": now,
    }
    return connection.execute(statement(__package__, "defer"), binds).rowcount


def ask(claimed: Claimed, *, campaign_id: UUID, sender: str, leave_by: datetime | None = None) -> Asked:
    """Make the request of a claimed recipient to pass the arm, with a new attempt id."""
    phone, parts = claimed.phone_number, claimed.segments_used
    return Asked(claimed.id, claimed.fence, new_id(), campaign_id, sender, phone, parts, leave_by)

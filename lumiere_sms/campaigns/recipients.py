"""How a recipient moves from state to state: each function is one statement that names the state it leaves.

    pending ─claim─► claimed ─arm─► submitting ─settle─► sent | failed | pending | unknown
       ▲                │ turn_away: pending | suppressed | expired | cancelled
       └────────────────┘ reap: claimed → pending, submitting → unknown

The caller opens the transaction, and no transaction spans a call to a provider. `now` is None where
the database's own clock speaks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement

NIL = UUID(int=0)
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
    send_after: datetime
    expires_at: datetime
    fence: int
    retry_count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A claimed recipient that wants to pass the arm as the attempt `attempt_id`, from `sender`."""

    id: UUID
    fence: int
    attempt_id: UUID
    campaign_id: UUID
    sender: str


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
    """How many parts may go now by the sender's bucket and by the campaign's, and how many could at most."""

    room: int
    burst: int
    campaign_room: int
    campaign_burst: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a dispatcher's last claim in an occurrence ended; claims go on behind it."""

    after: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    after_id: UUID = NIL


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
        **asdict(rooms),
        "now": now,
        "after": cursor.after,
        "after_id": cursor.after_id,
        "lease_until": now + LEASE,
        "usable_until": now + USABLE,
    }
    rows = connection.execute(statement(__package__, "claim"), binds).fetchall()
    due = [row.pop("due") for row in rows]
    claimed = [Claimed(**row) for row in rows if row["id"] is not None]
    return claimed, due[0] >= limit or len(claimed) < due[0]


def arm(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[Asked],
    *,
    daemon: UUID,
    provider: str,
    now: datetime | None,
) -> set[UUID]:
    """Let pass what may go and write its submission; return the attempt ids that passed."""
    campaigns = {"user_id": user_id, "campaign_ids": list({each.campaign_id for each in asked})}
    running = connection.execute(statement(__package__, "hold_running"), campaigns).fetchall()
    binds = {
        "user_id": user_id,
        "daemon": daemon,
        "provider": provider,
        "now": now,
        "lease_left": LEASE_LEFT,
        "ids": [each.id for each in asked],
        "fences": [each.fence for each in asked],
        "attempt_ids": [each.attempt_id for each in asked],
        "senders": [each.sender for each in asked],
        "campaign_ids": [row["id"] for row in running],
    }
    return {row["id"] for row in connection.execute(statement(__package__, "arm"), binds)}


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
    """Record answers; return the attempts whose recipient had moved on (their outcome is kept all the same)."""
    again = {each.campaign_id for each in results if each.outcome in {Outcome.UNAVAILABLE, Outcome.NOT_SENT}}
    binds = {
        "user_id": user_id,
        "now": now,
        "again": list(again),
        "attempt_ids": [each.attempt_id for each in results],
        "ids": [each.id for each in results],
        "fences": [each.fence for each in results],
        "outcomes": [each.outcome.value for each in results],
        "message_ids": [each.message_id for each in results],
        "codes": [each.code for each in results],
        "details": [each.detail for each in results],
        "reasons": [each.reason for each in results],
        "parts": [each.parts for each in results],
        "costs": [each.cost for each in results],
        "currencies": [each.currency for each in results],
        "waits": [each.wait for each in results],
    }
    return {row["attempt_id"] for row in on.execute(statement(__package__, "settle"), binds)}


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
    connection: Connection, user_id: UUID, *, occurrence_id: UUID, timezone: str, opens_at: datetime, now: datetime
) -> int:
    """Let what is due in a zone whose window is closed wait until it opens, 10,000 at most; return how many."""
    binds = {
        "user_id": user_id,
        "occurrence_id": occurrence_id,
        "timezone": timezone,
        "opens_at": opens_at,
        "now": now,
    }
    return connection.execute(statement(__package__, "defer"), binds).rowcount


def ask(claimed: Claimed, *, campaign_id: UUID, sender: str) -> Asked:
    """Make the request of a claimed recipient to pass the arm, with a new attempt id."""
    return Asked(claimed.id, claimed.fence, new_id(), campaign_id, sender)

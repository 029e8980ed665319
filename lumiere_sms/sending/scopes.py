"""What the parts of a text are charged to: its sender, its tenant where that has a pace of its own, its campaign.

A claim holds all three (hold_scopes.sql), shares the least of their rooms out and charges each. What then does not
go is refunded to each, wherever the day has not ended and nobody else has taken it meanwhile.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.recipients import Rooms
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.sending.pace import Bucket, Daily, Throttle

UNBOUNDED = 2**31 - 1  # parts
GLANCE = 0.02  # seconds between looks for what an arm may give back
TENANTS = ""  # what stands for the provider in the row of a tenant


class Kind(StrEnum):
    """Whose pace it is."""

    SENDER = "sender"
    TENANT = "tenant"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Payer:
    """Names the scopes of one run's texts."""

    provider: str
    sender: str
    user_id: UUID
    occurrence_id: UUID


@dataclass(frozen=True, slots=True)
class Charge:
    """What a claim took its parts for: its `texts` leave by the arm within `grace` of `at`, the database's instant.

    `begun` is what this process's monotonic clock said before the claim; `is_felt` says that the grace was charged
    too, and keeps others waiting.
    """

    payer: Payer
    at: datetime
    grace: timedelta
    begun: float
    texts: int
    is_felt: bool

    def age(self, monotonic: float, now: datetime | None) -> float:
        """Return how many seconds ago the claim began, at most; `now` is a virtual clock's, where that is the time."""
        return (now - self.at).total_seconds() if now else monotonic - self.begun


@dataclass(frozen=True, slots=True)
class Limit:
    """What one limit lets go now: `room` in parts, `burst` of a larger text are enough; in `wait` seconds it is more.

    A limit for a day gives no `wait` but says `why`.
    """

    kind: Kind
    room: int
    burst: int
    wait: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """A pace and a count by the day; either may be missing."""

    kind: Kind
    bucket: Bucket | None
    daily: Daily | None

    @classmethod
    def read(cls, row: Mapping[str, Any], now: datetime) -> "Scope":
        """Read a row of hold_scopes.sql."""
        rate = rate_of(row, now)
        bucket = Bucket(rate, row["tat"], row["tat_floor"], row["idle_at"]) if rate else None
        daily = Daily(row["parts_per_day"], row["zone"], row["day"], row["day_parts"]) if row["zone"] else None
        return cls(Kind(row["kind"]), bucket, daily)

    def limits(self, now: datetime, grace: timedelta, name: str, ahead: timedelta) -> Iterable[Limit]:
        """Yield what it lets go; a day first, since that takes longest to pass."""
        if self.daily and (left := self.daily.left(now, grace=grace)) is not None:
            why = f"{name} has sent its {self.daily.limit:,} parts of the day ({self.daily.zone})"
            yield Limit(self.kind, left, UNBOUNDED, why=why)
        if self.bucket:
            wait = self.bucket.ready_in(now) or 1 / self.bucket.parts_per_second
            soon = max(wait - grace.total_seconds(), min(wait, GLANCE))  # the last arm may give back its grace
            yield Limit(self.kind, self.bucket.available(now, ahead=ahead), int(self.bucket.burst), wait=soon)

    def charge(self, parts: int, now: datetime, grace: timedelta) -> "Scope":
        """Return it after `parts` were claimed."""
        bucket = self.bucket and self.bucket.charge(parts, now, grace=grace)
        return replace(self, bucket=bucket, daily=self.daily and self.daily.charge(parts, now))

    def feels(self, parts: int, now: datetime) -> bool:
        """Say whether the grace of the claim that took `parts` just now keeps others waiting."""
        return self.bucket is not None and self.bucket.idle_at == now and self.bucket.available(now) < parts


@dataclass(frozen=True, slots=True)
class Held:
    """The scopes of one run, held for a claim, and how its sender stands."""

    payer: Payer
    now: datetime
    scopes: tuple[Scope, ...]
    owner: UUID | None
    blocked_until: datetime | None
    blocked_reason: str | None

    def limits(self, grace: timedelta, *, ahead: timedelta = timedelta(0)) -> list[Limit]:
        """Return all that limits it, the widest scope first; what each lets go from now until `ahead`."""
        names = {Kind.SENDER: self.payer.sender, Kind.TENANT: "the tenant", Kind.CAMPAIGN: "the campaign"}
        return [limit for scope in self.scopes for limit in scope.limits(self.now, grace, names[scope.kind], ahead)]

    def charge(self, connection: Connection, parts: int, *, grace: timedelta) -> bool:
        """Take `parts` from every scope; say whether the grace that they are given is felt."""
        charged = {scope.kind: scope.charge(parts, self.now, grace) for scope in self.scopes}
        paced = [scope for kind, scope in charged.items() if kind is not Kind.CAMPAIGN]
        run, payer = charged[Kind.CAMPAIGN].bucket or Bucket(1), self.payer
        keys = {Kind.SENDER: (payer.provider, payer.sender), Kind.TENANT: (TENANTS, str(payer.user_id))}
        binds = {
            "user_id": payer.user_id,
            "occurrence_id": payer.occurrence_id,
            "providers": [keys[scope.kind][0] for scope in paced],
            "senders": [keys[scope.kind][1] for scope in paced],
            "tats": [scope.bucket and scope.bucket.tat for scope in paced],
            "floors": [scope.bucket and scope.bucket.floor for scope in paced],
            "idles": [scope.bucket and scope.bucket.idle_at for scope in paced],
            "days": [scope.daily and scope.daily.day for scope in paced],
            "day_parts": [scope.daily.parts if scope.daily else 0 for scope in paced],
            "tat": run.tat,
            "floor": run.floor,
            "idle_at": run.idle_at,
        }
        connection.execute(statement(__package__, "charge_scopes"), binds)
        return any(scope.feels(parts, self.now) for scope in charged.values())


def rate_of(row: Mapping[str, Any], now: datetime) -> float | None:
    """Return the parts per second of a scope: the least of its paces, after what its provider refused."""
    set_rate, per_minute = row["parts_per_second"], row["parts_per_minute"]
    throttled = Throttle(set_rate, row["rate"], row["cut_at"], row["refused_at"]).at(now) if set_rate else None
    return min((rate for rate in (throttled, per_minute and per_minute / 60) if rate), default=None)


def tightest(limits: Collection[Limit]) -> Limit:
    """Return what lets the fewest parts go; of equals the first."""
    return min(limits, key=lambda limit: limit.room)


def rooms_of(limits: Collection[Limit]) -> Rooms:
    """Return limits as claim.sql takes them."""
    return Rooms(tuple(limit.room for limit in limits), tuple(limit.burst for limit in limits))


def hold(connection: Connection, payer: Payer, *, now: datetime, is_tenant_paced: bool) -> Held | Kind:
    """Hold the scopes of a run until the transaction ends; return which is held by another claimer, if one is."""
    binds = {
        "provider": payer.provider,
        "sender": payer.sender,
        "user_id": payer.user_id,
        "occurrence_id": payer.occurrence_id,
    }
    rows = connection.execute(statement(__package__, "hold_scopes"), binds).fetchall()
    found = {row["kind"]: row for row in rows}
    wanted = [kind for kind in Kind if kind is not Kind.TENANT or is_tenant_paced]
    for kind in wanted:
        if kind not in found:
            return kind
    sender = found[Kind.SENDER]
    scopes = tuple(Scope.read(found[kind], now) for kind in Kind if kind in found)
    return Held(payer, now, scopes, sender["owner"], sender["blocked_until"], sender["blocked_reason"])


def refund(database: Database, charge: Charge, *, unused: int = 0, undone: int = 0, is_all: bool = False) -> None:
    """Give back the pace of `unused` parts that were claimed and not armed, and `undone` of the day's parts.

    With all of a claim its grace comes back too.
    """
    early = charge.grace if is_all else timedelta(0)
    _give_back(database, charge, unused=unused, undone=undone, early=early)


def forgive(database: Database, charge: Charge, *, parts: int, seconds: float) -> None:
    """Give back what the arm of `parts` has left of the grace, `seconds` after their claim began."""
    early = charge.grace - timedelta(seconds=seconds)
    if early > timedelta(0):
        _give_back(database, charge, kept=parts, early=early)


def _give_back(
    database: Database,
    charge: Charge,
    *,
    unused: int = 0,
    undone: int = 0,
    kept: int = 0,
    early: timedelta = timedelta(0),
) -> None:
    payer = charge.payer
    binds = {
        "provider": payer.provider,
        "sender": payer.sender,
        "user_id": payer.user_id,
        "occurrence_id": payer.occurrence_id,
        "at": charge.at,
        "unused": unused,
        "undone": undone,
        "kept": kept,
        "early": early,
    }
    database.execute(statement(__package__, "refund_scopes"), binds)

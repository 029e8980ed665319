"""What happened in a stretch of time, day by day: read from the rows that the texts left behind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant

#: What a simulation takes for granted, since nobody can know it.
ASSUMED = ("every text is accepted", "nobody answers, visits, books or opts out")

_CAP = "frequency_cap"


@dataclass(frozen=True, slots=True)
class Entry:
    """The texts of one campaign on one day, in one currency. `who` tells two sets of people apart."""

    campaign: str
    first: datetime
    last: datetime
    texts: int
    parts: int
    cost: Decimal | None
    currency: str | None
    who: str


@dataclass(frozen=True, slots=True)
class Collision:
    """How many people get several texts on a day, and of which campaigns: one name for each text."""

    campaigns: tuple[str, ...]
    people: int


@dataclass(frozen=True, slots=True)
class Untexted:
    """How many people of a campaign got no text, and why. `status` is empty where a launch left them out."""

    campaign: str
    status: str
    reason: str
    people: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that an operator would be told: an alert."""

    at: datetime
    kind: str
    subject: str
    message: str


@dataclass(slots=True)
class Day:
    """One local day: what goes, who gets several, who gets nothing and why, what an operator is told."""

    day: date
    launched: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    collisions: list[Collision] = field(default_factory=list)
    untexted: list[Untexted] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def texts(self) -> int:
        """How many texts go."""
        return sum(entry.texts for entry in self.entries)

    @property
    def colliding(self) -> int:
        """How many people get several."""
        return sum(collision.people for collision in self.collisions)

    @property
    def capped(self) -> int:
        """How many people a frequency cap kept from a text."""
        return sum(each.people for each in self.untexted if each.reason == _CAP)

    @property
    def costs(self) -> dict[str, Decimal]:
        """What it costs, by currency."""
        return costs_of(self.entries)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A stretch of time as it would be; `days` are those on which something happens, in order.

    `paused` are the campaigns that are so at its end.
    """

    begins: datetime
    until: datetime
    timezone: str
    days: tuple[Day, ...]
    paused: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that goes, in order."""
        return tuple(entry for day in self.days for entry in day.entries)

    @property
    def texts(self) -> int:
        """How many texts go."""
        return sum(entry.texts for entry in self.entries)

    @property
    def waiting(self) -> Counter[str]:
        """Who still waits for a text that was due, by campaign."""
        found: Counter[str] = Counter()
        for each in (each for day in self.days for each in day.untexted if each.status == "pending"):
            found[each.campaign] += each.people
        return found


def costs_of(entries: Sequence[Entry]) -> dict[str, Decimal]:
    """Add up what entries cost, by currency."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        if entry.currency and entry.cost is not None:
            sums[entry.currency] = sums.get(entry.currency, Decimal(0)) + entry.cost
    return sums


def read_calendar(database: Database, tenant: Tenant, *, begins: datetime, until: datetime) -> Calendar:
    """Read what happened from one instant until another, by the days of the tenant."""
    binds = {"user_id": tenant.id, "zone": tenant.timezone, "begins": begins, "until": until}
    days: dict[date, Day] = {}
    with database.transaction(read_only=True) as connection:
        for day, name, value in _happened(connection, binds):
            getattr(days.setdefault(day, Day(day)), name).append(value)
        paused = tuple(row["name"] for row in connection.execute(_PAUSED, binds))
    return Calendar(begins, until, tenant.timezone, tuple(days[day] for day in sorted(days)), paused)


def _happened(connection: Connection, binds: dict[str, Any]) -> Iterator[tuple[date, str, Any]]:
    """Yield the day of each thing that happened, the list of the day that it belongs to, and itself."""
    for row in _rows(connection, "launches_by_day", binds):
        yield row["day"], "launched", row["campaign"]
    for row in _rows(connection, "texts_by_day", binds):
        yield row.pop("day"), "entries", Entry(**row)
    for row in _rows(connection, "collisions", binds):
        yield row["day"], "collisions", Collision(tuple(row["campaigns"]), row["people"])
    for row in _rows(connection, "left_out_by_day", binds):
        yield row["day"], "untexted", Untexted(row["campaign"], "", row["reason"], int(row["people"]))
    for row in _rows(connection, "unsent_by_day", binds):
        yield row.pop("day"), "untexted", Untexted(**row)
    zone = ZoneInfo(binds["zone"])
    for row in connection.execute(_ALERTS, binds):
        yield row["at"].astimezone(zone).date(), "notices", Notice(**row)


def _rows(connection: Connection, name: LiteralString, binds: dict[str, Any]) -> list[dict[str, Any]]:
    return connection.execute(statement(__package__, name), binds).fetchall()


_PAUSED: LiteralString = """
    SELECT name FROM sms_campaigns
    WHERE user_id = %(user_id)s AND status = 'paused' AND archived_at IS NULL
    ORDER BY name
"""
_ALERTS: LiteralString = """
    SELECT raised_at AS at, kind, subject, message FROM alerts
    WHERE user_id = %(user_id)s AND raised_at >= %(begins)s AND raised_at < %(until)s
    ORDER BY raised_at, id
"""

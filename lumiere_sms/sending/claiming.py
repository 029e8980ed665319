"""One claim: which recipients go next, and how many the pace allows.

The claimer holds the pace row of a sender while it shares the room out over the campaigns that want
to send from it, so that one claimer at a time charges it, on however many hosts. What is remembered
between claims (where the last one ended, who has nothing waiting, virtual times) only saves work:
losing it loses nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.recipients import Asked, Claimed, Cursor, Rooms
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.windows import SendWindows
from lumiere_sms.sending.fairness import Fairness
from lumiere_sms.sending.pace import Bucket

IDLE = 1.0  # seconds between looks where nothing waits
BUSY = 0.02  # seconds until another claimer has given the pace row back
LONGEST_VALIDITY = timedelta(hours=4)
#: Taken off the end of a window: the rest of a lease between claim and arm (25 s), and a margin (30 s).
VALIDITY_MARGIN = recipients.LEASE - recipients.LEASE_LEFT + timedelta(seconds=30)
RESCAN = timedelta(seconds=5)  # how often a claim starts over, for what came back behind the cursor


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed recipient on its way to the arm; `validity` bounds the provider's own queue."""

    user_id: UUID
    claimed: Claimed
    asked: Asked
    validity: timedelta


@dataclass(slots=True)
class Round:
    """What one claim brought.

    `wait` is in how many seconds another look is worth it; `drained` says that nothing more may go
    before then, whoever looks; `why` what stands in the way.
    """

    work: list[Work] = field(default_factory=list)
    wait: float = IDLE
    drained: bool = True
    why: str = ""

    def look_again(self, *, wait: float) -> None:
        """Note that something waits for the pace or for another claimer."""
        self.wait = min(self.wait, wait)
        self.drained = False


@dataclass(slots=True)
class Runnable:
    """A running occurrence, as the claim sees it."""

    user_id: UUID
    occurrence_id: UUID
    campaign_id: UUID
    priority: str
    batch_size: int
    sender: str
    slug: str
    bucket: Bucket
    now: datetime
    windows: SendWindows


@dataclass(slots=True)
class _Place:
    cursor: Cursor
    since: datetime


class Claimer:
    """Claims for one daemon. Not safe to share between threads."""

    def __init__(self, daemon: UUID, *, provider: str, default_sender: str) -> None:
        self._daemon = daemon
        self._provider = provider
        self._default_sender = default_sender
        self._fairness = Fairness()
        self._places: dict[UUID, _Place] = {}
        self._resting: dict[UUID, datetime] = {}
        self._windows: dict[UUID, SendWindows] = {}

    def claim(self, database: Database, *, slots: int, now: datetime | None) -> Round:
        """Claim at most `slots` recipients in one transaction."""
        found = Round()
        with database.transaction(limits=LET_GO) as connection:
            waiting = [each for each in self._runnable(connection, now) if not self._rests(each)]
            self._fairness.settle_on([each.occurrence_id for each in waiting])
            for sender, group in groupby(sorted(waiting, key=lambda each: each.sender), lambda each: each.sender):
                self._claim_from(connection, sender, list(group), slots=slots - len(found.work), found=found)
        return found

    def _runnable(self, connection: Connection, now: datetime | None) -> list[Runnable]:
        binds = {"default_sender": self._default_sender, "now": now}
        rows = connection.execute(statement(__package__, "runnable"), binds).fetchall()
        return [found for row in rows if (found := self._read(connection, row)) is not None]

    def _read(self, connection: Connection, row: dict[str, Any]) -> Runnable | None:
        """Read an occurrence; one that another version launched may be unreadable, and must not stop the others."""
        try:
            windows = self._windows_of(row)
        except ValueError:
            told = {"kind": "unreadable", "subject": str(row["campaign_id"]), "now": row["now"]}
            raise_alert(connection, row["user_id"], message="a daemon of an older version cannot read its run", **told)
            return None
        bucket = Bucket.per_minute(row["send_rate_per_minute"], row["pace_tat"])
        names = "user_id", "occurrence_id", "campaign_id", "priority", "batch_size", "sender", "slug", "now"
        return Runnable(**{name: row[name] for name in names}, bucket=bucket, windows=windows)

    def _windows_of(self, row: dict[str, Any]) -> SendWindows:
        windows = self._windows.get(row["occurrence_id"])
        if windows is None:
            windows = CampaignDefinition.from_payload(row["definition"]).windows()
            self._windows[row["occurrence_id"]] = windows
        return windows

    def _rests(self, occurrence: Runnable) -> bool:
        return self._resting.get(occurrence.occurrence_id, occurrence.now) > occurrence.now

    def _claim_from(
        self, connection: Connection, sender: str, waiting: list[Runnable], *, slots: int, found: Round
    ) -> None:
        now = waiting[0].now
        if slots <= 0:
            return found.look_again(wait=BUSY)
        pace = connection.execute(
            statement(__package__, "lock_pace"), {"provider": self._provider, "sender": sender}
        ).fetchone()
        if pace is None:
            return found.look_again(wait=BUSY)
        if pace["blocked_until"] is not None and pace["blocked_until"] > now:
            found.why = pace["blocked_reason"]
            return None
        owner = pace["owner"] or waiting[0].user_id
        waiting = list(self._of_owner(connection, sender, owner, waiting))
        bucket = Bucket(pace["parts_per_second"], pace["burst"], pace["tat"])
        charged = self._share(connection, bucket, waiting, slots=slots, found=found)
        if charged != bucket:
            binds = {"provider": self._provider, "sender": sender, "tat": charged.tat, "user_id": owner}
            connection.execute(statement(__package__, "charge_pace"), binds)
        return None

    def _of_owner(
        self, connection: Connection, sender: str, owner: UUID, waiting: Iterable[Runnable]
    ) -> Iterable[Runnable]:
        for each in waiting:
            if each.user_id == owner:
                yield each
            else:
                message = f"{sender} already sends for another tenant; give {each.slug} a sender of its own"
                raise_alert(
                    connection, each.user_id, kind="sender_taken", subject=sender, message=message, now=each.now
                )

    def _share(
        self, connection: Connection, bucket: Bucket, waiting: list[Runnable], *, slots: int, found: Round
    ) -> Bucket:
        taken = len(found.work)
        while waiting and bucket.available(waiting[0].now) and (free := slots - len(found.work) + taken) > 0:
            next_up = min(waiting, key=lambda each: self._fairness.rank(each.occurrence_id, each.priority))
            rooms = _rooms(bucket, next_up)
            work, has_more = self._take(connection, next_up, rooms=rooms, slots=free)
            found.work += work
            if parts := sum(each.claimed.segments_used for each in work):
                bucket = bucket.charge(parts, next_up.now)
            if has_more and work:
                continue
            waiting.remove(next_up)
            if has_more:  # the next text does not fit yet: where the sender's bucket is short, it is saved for it
                slower = min(bucket.parts_per_second, next_up.bucket.parts_per_second)
                found.look_again(wait=next_up.bucket.ready_in(next_up.now) or 1 / slower)
                if rooms.campaign_room >= rooms.room:
                    return bucket
        if waiting:
            found.look_again(wait=bucket.ready_in(waiting[0].now))
        return bucket

    def _take(
        self, connection: Connection, occurrence: Runnable, *, rooms: Rooms, slots: int
    ) -> tuple[list[Work], bool]:
        """Claim a batch of one occurrence: what may go, and whether more may be waiting."""
        if not rooms.campaign_room:
            return [], True
        claimed, has_more = recipients.claim(
            connection,
            occurrence.user_id,
            occurrence_id=occurrence.occurrence_id,
            daemon=self._daemon,
            limit=min(slots, occurrence.batch_size),
            rooms=rooms,
            now=occurrence.now,
            cursor=self._cursor(occurrence),
        )
        self._remember(occurrence, claimed, has_more=has_more)
        work = self._open_ones(connection, occurrence, claimed)
        if work:
            self._charge(connection, occurrence, sum(each.claimed.segments_used for each in work))
        return work, has_more

    def _cursor(self, occurrence: Runnable) -> Cursor:
        place = self._places.get(occurrence.occurrence_id)
        if place is None or place.since + RESCAN < occurrence.now:
            place = self._places[occurrence.occurrence_id] = _Place(Cursor(), occurrence.now)
        return place.cursor

    def _remember(self, occurrence: Runnable, claimed: list[Claimed], *, has_more: bool) -> None:
        if claimed:
            last = max((each.send_after, each.id) for each in claimed)
            self._places[occurrence.occurrence_id].cursor = Cursor(*last)
        if not has_more:
            del self._places[occurrence.occurrence_id]
            self._resting[occurrence.occurrence_id] = occurrence.now + timedelta(seconds=IDLE)

    def _charge(self, connection: Connection, occurrence: Runnable, parts: int) -> None:
        occurrence.bucket = occurrence.bucket.charge(parts, occurrence.now)
        self._fairness.charge(occurrence.occurrence_id, occurrence.priority, parts=parts)
        connection.execute(
            "UPDATE campaign_occurrences SET pace_tat = %(tat)s WHERE user_id = %(user_id)s AND id = %(id)s",
            {"user_id": occurrence.user_id, "id": occurrence.occurrence_id, "tat": occurrence.bucket.tat},
        )

    def _open_ones(self, connection: Connection, occurrence: Runnable, claimed: list[Claimed]) -> list[Work]:
        """Keep what is inside its window; the rest of a zone whose window is closed waits until it opens."""
        ends = {zone: self._closes_at(occurrence, zone) for zone in {each.timezone for each in claimed}}
        for zone in (zone for zone, end in ends.items() if end is None):
            self._defer(connection, occurrence, zone, [each for each in claimed if each.timezone == zone])
        return [
            Work(
                occurrence.user_id,
                each,
                recipients.ask(each, campaign_id=occurrence.campaign_id, sender=occurrence.sender),
                _validity(min(end, each.expires_at) - occurrence.now),
            )
            for each in claimed
            if (end := ends[each.timezone]) is not None
        ]

    def _closes_at(self, occurrence: Runnable, zone: str) -> datetime | None:
        if not occurrence.windows.is_open(occurrence.now, ZoneInfo(zone)):
            return None
        end = occurrence.windows.closes_at(occurrence.now, ZoneInfo(zone))
        return end if end > occurrence.now + recipients.USABLE else None

    def _defer(self, connection: Connection, occurrence: Runnable, zone: str, claimed: list[Claimed]) -> None:
        given_back = [
            recipients.ask(each, campaign_id=occurrence.campaign_id, sender=occurrence.sender) for each in claimed
        ]
        recipients.turn_away(connection, occurrence.user_id, given_back, daemon=self._daemon, now=occurrence.now)
        opens_at = occurrence.windows.first_open(occurrence.now + recipients.USABLE, ZoneInfo(zone))
        recipients.defer(
            connection,
            occurrence.user_id,
            occurrence_id=occurrence.occurrence_id,
            timezone=zone,
            opens_at=opens_at or occurrence.now + timedelta(days=1),
            now=occurrence.now,
        )


def _rooms(bucket: Bucket, occurrence: Runnable) -> Rooms:
    own, now = occurrence.bucket, occurrence.now
    return Rooms(bucket.available(now), int(bucket.burst), own.available(now), int(own.burst))


def _validity(left: timedelta) -> timedelta:
    """Return how long a provider may keep a text that is claimed with `left` of its window to go (≥ 65 s)."""
    return min(left - VALIDITY_MARGIN, LONGEST_VALIDITY)

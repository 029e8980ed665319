"""One claim: which recipients go next, and how many the pace allows.

The claimer holds every pace that a run's texts are charged to while it takes what they have room for, so
that one claimer at a time charges each, on however many hosts; tenants and campaigns take turns
(fairness.py). What is remembered between claims (where the last one ended, who has nothing waiting,
virtual times) only saves work: losing it loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.recipients import EVERYBODY, Asked, Claimed, Cursor, Share
from lumiere_sms.campaigns.timing import read_preferred
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.schedule.windows import SendWindows
from lumiere_sms.sending.fairness import Turns
from lumiere_sms.sending.router import Router, Way
from lumiere_sms.sending.scopes import Charge, Held, Kind, Payer, hold, rooms_of, tightest
from lumiere_sms.sending.standings import PROBING, Standing, read_spent, read_standings, take_probe

IDLE = 1.0  # seconds between looks where nothing waits
BUSY = 0.02  # seconds until another claimer has given the pace row back
LONGEST_VALIDITY = timedelta(hours=4)
SPARE = timedelta(seconds=30)  # between the end of a text's validity and that of its window
#: Taken off the end of a window: the rest of a lease between claim and arm (25 s), and what is spared.
VALIDITY_MARGIN = recipients.LEASE - recipients.LEASE_LEFT + SPARE
GRACE = timedelta(milliseconds=100)  # from a claim to its arm, unless that takes longer here
LONGEST_GRACE = recipients.LEASE - recipients.LEASE_LEFT
RESCAN = timedelta(seconds=5)  # how often a claim starts over, for what came back behind the cursor
UNHURRIED = 20  # times as long as it took rests a claim that found nothing of its share among all that waits


#: When the texts of a run may leave (''); and those of its steps, by number, where these have windows of their own.
Windows = Mapping[str, SendWindows]


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed recipient on its way to the arm; `validity` bounds the provider's own queue.

    `charge` is what its claim was charged to. Behind the arm, `is_holding` says whether a budget holds what it may
    cost. `has_other` says that another provider takes it where this one does not.
    """

    user_id: UUID
    claimed: Claimed
    asked: Asked
    validity: timedelta
    charge: Charge
    is_holding: bool = False
    has_other: bool = False


@dataclass(slots=True)
class Round:
    """What one claim brought.

    `wait` is in how many seconds another look is worth it; `drained` says that nothing more may go
    before then, whoever looks; `why` what stands in the way. `standing` is how the provider is, where that was
    looked at; `is_trial` says that this was the turn to try one text.
    """

    work: list[Work] = field(default_factory=list)
    wait: float = IDLE
    drained: bool = True
    why: str = ""
    standing: Standing | None = None
    is_trial: bool = False

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
    is_tenant_paced: bool
    now: datetime
    windows: Windows
    way: Way
    share: Share | None


class _Window(NamedTuple):
    """What decides whether a run's windows are open for somebody: zone, preferred hours, and a step with its own."""

    timezone: str
    preferred_time: str | None
    step: str


@dataclass(slots=True)
class _Place:
    cursor: Cursor
    since: datetime


@dataclass(frozen=True, slots=True)
class _Rest:
    share: Share | None
    until: datetime


class Claimer:
    """Claims for one daemon. Not safe to share between threads.

    A simulation claims what the pace lets go within `ahead` at once, `turn` texts of a run at a time.
    """

    def __init__(self, daemon: UUID, *, provider: str, default_sender: str, router: Router | None = None) -> None:
        self._daemon = daemon
        self._router = router or Router.alone(provider)
        self._provider = provider
        self._default_sender = default_sender
        self.grace = GRACE
        self.ahead = timedelta(0)
        self.turn = 0  # texts; none: the campaign's batch
        self._turns = Turns()
        self._again: set[UUID] = set()
        self._afresh = False
        self._begun = 0.0
        self._places: dict[UUID, _Place] = {}
        self._resting: dict[UUID, _Rest] = {}
        self._windows: dict[UUID, Windows] = {}

    def claim(self, database: Database, *, slots: int, now: datetime | None) -> Round:
        """Claim at most `slots` recipients in one transaction."""
        found, self._begun = Round(), monotonic()
        self._start_over()
        with database.transaction(limits=LET_GO) as connection:
            waiting = [each for each in self._shared(connection, now, found) if not self._rests(each)]
            slots = 1 if found.is_trial else slots
            self._turns.settle_on((each.user_id, each.occurrence_id) for each in waiting)
            while waiting and (free := slots - len(found.work)) > 0:
                next_up = min(waiting, key=self._rank)
                done = self._serve(connection, next_up, slots=free, found=found)
                waiting = [each for each in waiting if done is None or not _share_a(done, each, next_up)]
        if waiting:
            found.look_again(wait=BUSY)
        return found

    def _rank(self, each: Runnable) -> tuple[bool, float, float]:
        return self._turns.rank(each.user_id, each.occurrence_id, each.priority)

    def note_arm(self, seconds: float) -> None:
        """Note how long after the beginning of their claim texts were armed: that is how much grace they need."""
        self.grace = min(LONGEST_GRACE, max(GRACE, timedelta(seconds=1.5 * seconds), self.grace * 0.95))

    def look_again_at(self, occurrence_id: UUID) -> None:
        """Note that what was claimed of a run is back: behind the place where claims go on."""
        self._again.add(occurrence_id)

    def look_afresh(self) -> None:
        """Note that anything may have come back, or be for another provider now."""
        self._afresh = True

    def _start_over(self) -> None:
        if self._afresh:
            self._afresh = False
            self._places.clear()
            self._resting.clear()
        while self._again:
            occurrence_id = self._again.pop()
            self._places.pop(occurrence_id, None)
            self._resting.pop(occurrence_id, None)

    def _shared(self, connection: Connection, now: datetime | None, found: Round) -> list[Runnable]:
        """Return what this lane has a share of; while its provider is coming back, what one text is tried of."""
        runnable = self._runnable(connection, now, found)
        tried = [each for each in runnable if each.way.trial]
        if tried and take_probe(connection, self._provider, state=PROBING, now=tried[0].now):
            found.is_trial = True
            for each in tried:
                each.share = each.way.trial
            return tried
        without = [each.way for each in runnable if each.share is None and not each.way.has_other]
        found.why = next((way.why for way in without if way.why), "")
        if without and found.standing and found.standing.state == PROBING:
            found.look_again(wait=IDLE)
        return [each for each in runnable if each.share]

    def _runnable(self, connection: Connection, now: datetime | None, found: Round) -> list[Runnable]:
        binds = {"default_sender": self._default_sender, "now": now, **self._router.binds}
        rows = connection.execute(statement(__package__, "runnable"), binds).fetchall()
        if not rows:
            return []
        standings, spent = read_standings(rows[0]["standings"]), read_spent(rows[0]["spent"])
        found.standing = standings.get(self._provider)
        ways = [(row, self._router.way(row, standings, spent)) for row in rows]
        return [each for row, way in ways if (each := self._read(connection, row, way)) is not None]

    def _read(self, connection: Connection, row: dict[str, Any], way: Way) -> Runnable | None:
        """Read an occurrence; one that another version launched may be unreadable, and must not stop the others."""
        try:
            windows = self._windows_of(row)
        except ValueError:
            told = {"kind": "unreadable", "subject": str(row["campaign_id"]), "now": row["now"]}
            raise_alert(connection, row["user_id"], message="a daemon of an older version cannot read its run", **told)
            return None
        names = "user_id", "occurrence_id", "campaign_id", "priority", "batch_size", "sender", "slug", "now"
        found = {name: row[name] for name in (*names, "is_tenant_paced")}
        return Runnable(**found, windows=windows, way=way, share=way.share)

    def _windows_of(self, row: dict[str, Any]) -> Windows:
        windows = self._windows.get(row["occurrence_id"])
        if windows is None:
            definition = CampaignDefinition.from_payload(row["definition"])
            windows = {"": definition.windows(), **definition.windows_of_steps()}
            self._windows[row["occurrence_id"]] = windows
        return windows

    def _rests(self, occurrence: Runnable) -> bool:
        rest = self._resting.get(occurrence.occurrence_id)
        return rest is not None and rest.share == occurrence.share and rest.until > occurrence.now

    def _serve(self, connection: Connection, next_up: Runnable, *, slots: int, found: Round) -> Kind | None:
        """Claim a batch of a run; return whose other runs have to wait too, None where more of it may go at once."""
        payer = Payer(self._provider, next_up.sender, next_up.user_id, next_up.occurrence_id)
        at = next_up.now + timedelta(microseconds=len(found.work))  # so that each charge has an instant of its own
        held = hold(connection, payer, now=at, is_tenant_paced=next_up.is_tenant_paced)
        if isinstance(held, Kind):
            found.look_again(wait=BUSY)
            return held
        if held.blocked_until is not None and held.blocked_until > next_up.now:
            found.why = held.blocked_reason or ""
            return Kind.SENDER
        if held.owner not in {None, next_up.user_id}:
            _refuse_sender(connection, next_up)
            return Kind.CAMPAIGN
        work, has_more = self._take(connection, next_up, held, slots=slots)
        found.work += work
        if has_more:
            return None if work else self._hold_back(next_up, held, found)
        return Kind.CAMPAIGN

    def _hold_back(self, next_up: Runnable, held: Held, found: Round) -> Kind:
        """Let a run wait whose next text has no room yet: what is short is saved for it."""
        short = tightest(held.limits(self.grace, ahead=self.ahead))
        self._turns.excuse(next_up.user_id, next_up.occurrence_id if short.kind is Kind.CAMPAIGN else None)
        if short.why:
            found.why = short.why
        else:
            found.look_again(wait=short.wait)
        return short.kind

    def _take(self, connection: Connection, occurrence: Runnable, held: Held, *, slots: int) -> tuple[list[Work], bool]:
        """Claim a batch of one occurrence: what may go, and whether more may be waiting."""
        limits = held.limits(self.grace, ahead=self.ahead)
        if any(not limit.room and not limit.why for limit in limits):
            return [], True
        began = monotonic()
        claimed, has_more = recipients.claim(
            connection,
            occurrence.user_id,
            occurrence_id=occurrence.occurrence_id,
            daemon=self._daemon,
            limit=min(slots, self.turn or occurrence.batch_size),
            rooms=rooms_of(limits),
            now=occurrence.now,
            cursor=self._cursor(occurrence),
        )
        self._remember(occurrence, claimed, has_more=has_more, took=monotonic() - began)
        return self._charge(connection, occurrence, held, self._open_ones(connection, occurrence, claimed)), has_more

    def _cursor(self, occurrence: Runnable) -> Cursor:
        place = self._places.get(occurrence.occurrence_id)
        share = occurrence.share or EVERYBODY
        if place is None or place.cursor.share != share or place.since + RESCAN < occurrence.now:
            place = self._places[occurrence.occurrence_id] = _Place(Cursor(share=share), occurrence.now)
        return place.cursor

    def _remember(self, occurrence: Runnable, claimed: list[Claimed], *, has_more: bool, took: float) -> None:
        if claimed:
            last = max((each.send_after, each.id) for each in claimed)
            self._places[occurrence.occurrence_id].cursor = Cursor(*last, occurrence.share or EVERYBODY)
        if not has_more:
            del self._places[occurrence.occurrence_id]
            rest = timedelta(seconds=max(IDLE, UNHURRIED * took))
            self._resting[occurrence.occurrence_id] = _Rest(occurrence.share, occurrence.now + rest)

    def _charge(
        self, connection: Connection, occurrence: Runnable, held: Held, going: list[tuple[Claimed, datetime]]
    ) -> list[Work]:
        """Charge what goes, with the ends of the windows, to whatever it is paced by, and make it work."""
        if not going:
            return []
        parts = sum(claimed.segments_used for claimed, _ in going)
        is_felt = held.charge(connection, parts, grace=self.grace)
        self._turns.charge(occurrence.user_id, occurrence.occurrence_id, occurrence.priority, parts=parts)
        charge = Charge(held.payer, held.now, self.grace, self._begun, len(going), is_felt)
        return [_work(occurrence, claimed, end, charge) for claimed, end in going]

    def _open_ones(
        self, connection: Connection, occurrence: Runnable, claimed: list[Claimed]
    ) -> list[tuple[Claimed, datetime]]:
        """Keep what is inside its window; the rest of those whose window is closed waits until it opens."""
        of = {each.id: _window_of(occurrence, each) for each in claimed}
        ends = {window: self._closes_at(occurrence, window) for window in set(of.values())}
        for window in (window for window, end in ends.items() if end is None):
            self._defer(connection, occurrence, window, [each for each in claimed if of[each.id] == window])
        return [(each, end) for each in claimed if (end := ends[of[each.id]]) is not None]

    def _closes_at(self, occurrence: Runnable, window: _Window) -> datetime | None:
        zone, windows = ZoneInfo(window.timezone), _rules(occurrence, window)
        if not windows.is_open(occurrence.now, zone):
            return None
        end = windows.closes_at(occurrence.now, zone)
        return end if end > occurrence.now + recipients.USABLE else None

    def _defer(self, connection: Connection, occurrence: Runnable, window: _Window, claimed: list[Claimed]) -> None:
        given_back = [
            recipients.ask(each, campaign_id=occurrence.campaign_id, sender=occurrence.sender) for each in claimed
        ]
        recipients.turn_away(connection, occurrence.user_id, given_back, daemon=self._daemon, now=occurrence.now)
        windows = _rules(occurrence, window)
        opens_at = windows.first_open(occurrence.now + recipients.USABLE, ZoneInfo(window.timezone))
        recipients.defer(
            connection,
            occurrence.user_id,
            occurrence_id=occurrence.occurrence_id,
            timezone=window.timezone,
            preferred_time=window.preferred_time,
            step=window.step or None,
            opens_at=opens_at or occurrence.now + timedelta(days=1),
            now=occurrence.now,
        )


def _window_of(occurrence: Runnable, claimed: Claimed) -> _Window:
    step = claimed.step.partition("/")[0]
    return _Window(claimed.timezone, claimed.preferred_time, step if step in occurrence.windows else "")


def _rules(occurrence: Runnable, window: _Window) -> SendWindows:
    return occurrence.windows[window.step].preferring(read_preferred(window.preferred_time))


def _share_a(kind: Kind, one: Runnable, other: Runnable) -> bool:
    """Say whether two runs are charged to the same sender, tenant or campaign."""
    match kind:
        case Kind.SENDER:
            return one.sender == other.sender
        case Kind.TENANT:
            return one.user_id == other.user_id
        case Kind.CAMPAIGN:
            return one.occurrence_id == other.occurrence_id
        case never:
            assert_never(never)


def _refuse_sender(connection: Connection, occurrence: Runnable) -> None:
    """Tell a tenant that its sender is another's: receipts are told apart by it."""
    sender = occurrence.sender
    message = f"{sender} already sends for another tenant; give {occurrence.slug} a sender of its own"
    raise_alert(
        connection, occurrence.user_id, kind="sender_taken", subject=sender, message=message, now=occurrence.now
    )


def _work(occurrence: Runnable, claimed: Claimed, end: datetime, charge: Charge) -> Work:
    """Make the work of a recipient whose window closes at `end`; it is armed within its charge's grace or not."""
    until = min(end, claimed.expires_at)
    validity = _validity(until - occurrence.now)
    leave_by, campaign_id = min(until - validity - SPARE, charge.at + charge.grace), occurrence.campaign_id
    asked = recipients.ask(claimed, campaign_id=campaign_id, sender=occurrence.sender, leave_by=leave_by)
    return Work(occurrence.user_id, claimed, asked, validity, charge, has_other=occurrence.way.has_other)


def _validity(left: timedelta) -> timedelta:
    """Return how long a provider may keep a text that is claimed with `left` of its window to go (≥ 65 s)."""
    return min(left - VALIDITY_MARGIN, LONGEST_VALIDITY)

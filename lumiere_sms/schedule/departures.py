"""When the texts of a campaign leave, and how many never do, at a pace and inside their windows.

Texts wait in queues: those of one queue may go from the same instant on, by the same windows in the same zone, until
the same end. One pace serves them all, the queue that was due first before the others, as a claim does: a text leaves
when what left before it is paid back. Nothing leaves in the last moments of a window (`usable`), since a provider
needs some time to pass it on. Texts of a queue are counted whole and alike, at the mean of their parts. Pure: no
database, no clock.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.instants import instant_of
from lumiere_sms.schedule.windows import SendWindows

_ROUNDING = 1e-6  # of a text: timestamps carry microseconds
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Queue:
    """The texts for one zone. They may go from `opens_at` on, and no more from `ends_at` on.

    `windows` are those of these people, where they have others than the rest.
    """

    zone: ZoneInfo
    opens_at: datetime
    ends_at: datetime
    recipients: int
    parts: float
    windows: SendWindows | None = None


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """The most parts that leave on a day of a zone; `used` of them are gone on the day `used_on`."""

    parts: int
    zone: ZoneInfo
    used_on: date | None = None
    used: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a sender, a business or a campaign is: by the second (infinite where nothing is set), and by the day."""

    parts_per_second: float
    daily: DailyLimit | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Texts that leave one by one from `starts_at` on, `seconds` apart; each has so many `parts` on average."""

    starts_at: datetime
    texts: int
    seconds: float
    parts: float

    @property
    def last_at(self) -> datetime:
        """When the last of them leaves."""
        return self.starts_at + timedelta(seconds=(self.texts - 1) * self.seconds)

    def before(self, instant: datetime) -> int:
        """Return how many leave before an instant.

        >>> from datetime import UTC
        >>> start = datetime(2026, 3, 16, 1, tzinfo=UTC)
        >>> Stretch(start, texts=90, seconds=1.0, parts=1.0).before(start + timedelta(minutes=1))
        60
        """
        return min(self.texts, _fitting((instant - self.starts_at).total_seconds(), self.seconds))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect: the first and the last text leave at `starts_at` and `finishes_at`; `expired` never do.

    `ends_at` is until when any of them might.
    """

    starts_at: datetime | None
    finishes_at: datetime | None
    expired: int
    stretches: tuple[Stretch, ...] = ()
    ends_at: datetime | None = None


def forecast(
    queues: Iterable[Queue],
    *,
    windows: SendWindows,
    parts_per_second: float,
    usable: timedelta = timedelta(0),
    daily: DailyLimit | None = None,
) -> Forecast:
    """Follow the queues until each is empty or has ended."""
    waiting = sorted((queue for queue in queues if queue.recipients and queue.parts), key=lambda queue: queue.opens_at)
    lines = _lines(waiting, windows=windows, usable=usable)
    day = _Day(daily)
    stretches: list[Stretch] = []
    now = min((queue.opens_at for queue in waiting), default=None)
    while now is not None:
        now = _step(lines, now, parts_per_second=parts_per_second, day=day, stretches=stretches)
    expired = sum(line.texts for line in lines)
    ends_at = max((queue.ends_at for queue in waiting), default=None)
    finishes_at = max((each.last_at for each in stretches), default=None)
    return Forecast(stretches[0].starts_at if stretches else None, finishes_at, expired, tuple(stretches), ends_at)


def together(forecasts: Iterable[Forecast]) -> Forecast:
    """Return one forecast of several that go side by side, each at a pace of its own."""
    found = list(forecasts)
    return Forecast(
        min((each.starts_at for each in found if each.starts_at), default=None),
        max((each.finishes_at for each in found if each.finishes_at), default=None),
        sum(each.expired for each in found),
        tuple(stretch for each in found for stretch in each.stretches),
        max((each.ends_at for each in found if each.ends_at), default=None),
    )


class _Line:
    """The queues with the same zone, windows and end, one behind the other."""

    def __init__(self, queue: Queue, windows: SendWindows, usable: timedelta) -> None:
        self.zone, self.windows, self.usable = queue.zone, queue.windows or windows, usable
        self.ends_at = queue.ends_at - usable
        self.queues: deque[Queue] = deque()
        self.gone = 0  # texts of the first queue
        self._span: tuple[datetime, datetime] | None = None

    @property
    def head(self) -> Queue:
        return self.queues[0]

    @property
    def texts(self) -> int:
        """How many texts still wait."""
        return sum(queue.recipients for queue in self.queues) - self.gone

    def opening(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return from when and until when it may go on, from `now` on; None where it may not any more."""
        at = max(now, self.head.opens_at)
        while self._span is None or self._span[1] <= at:
            start = at if self._span is None else max(at, self._span[1])
            if at >= self.ends_at or (opens := self.windows.first_open(start, self.zone)) is None:
                return None
            closes = self.windows.closes_at(opens, self.zone)
            self._span = opens, closes - self.usable
            at = max(at, opens)
            if self._span[1] <= at:
                self._span = opens, closes  # too little of it is left: the next one
                at = max(at, closes)
        opens, closes = max(at, self._span[0]), min(self._span[1], self.ends_at)
        return (opens, closes) if opens < closes else None

    def take(self, texts: int) -> None:
        self.gone += texts
        if self.gone == self.head.recipients:
            self.queues.popleft()
            self.gone = 0


class _Day:
    """What is left of a day's parts."""

    def __init__(self, limit: DailyLimit | None) -> None:
        self._limit = limit
        self._on, self._used = (limit.used_on, float(limit.used)) if limit else (None, 0.0)

    def left(self, now: datetime) -> tuple[float, datetime | None]:
        """Return how many parts may still go on the day of `now`, and when the next one begins."""
        if self._limit is None:
            return float("inf"), None
        today = now.astimezone(self._limit.zone).date()
        if today != self._on:
            self._on, self._used = today, 0.0
        tomorrow = instant_of(datetime.combine(today + _DAY, time()), self._limit.zone)
        return max(0.0, self._limit.parts - self._used), tomorrow

    def take(self, parts: float) -> None:
        self._used += parts


def _lines(waiting: Sequence[Queue], *, windows: SendWindows, usable: timedelta) -> list[_Line]:
    lines: dict[object, _Line] = {}
    for queue in waiting:
        key = queue.zone.key, queue.windows, queue.ends_at
        lines.setdefault(key, _Line(queue, windows, usable)).queues.append(queue)
    return list(lines.values())


def _step(
    lines: Sequence[_Line], now: datetime, *, parts_per_second: float, day: _Day, stretches: list[Stretch]
) -> datetime | None:
    """Let go what may from `now` on, until something changes; return when that is, None where nothing is left to go."""
    openings = [(line, span) for line in lines if line.queues and (span := line.opening(now))]
    if not openings:
        return None
    ready = [(line, span) for line, span in openings if span[0] <= now]
    if not ready:
        return min(span[0] for _, span in openings)
    line, (_, closes) = min(ready, key=lambda each: each[0].head.opens_at)
    earlier = (span[0] for other, span in openings if span[0] > now and other.head.opens_at <= line.head.opens_at)
    left, tomorrow = day.left(now)
    end = min(filter(None, (closes, tomorrow, *earlier)))
    parts = line.head.parts / line.head.recipients
    seconds = parts / parts_per_second
    texts = min(line.head.recipients - line.gone, _fitting((end - now).total_seconds(), seconds))
    if left < texts * parts:
        texts = int(left / parts + _ROUNDING)
    if not texts:
        return tomorrow
    stretches.append(Stretch(now, texts, seconds, parts))
    day.take(texts * parts)
    line.take(texts)
    return now + timedelta(seconds=texts * seconds)


def _fitting(room: float, seconds: float) -> int:
    """Return how many texts leave in a `room` of seconds: the first at once, the others `seconds` apart."""
    return max(0, ceil(room / seconds - _ROUNDING))

"""When a text may be submitted: daily windows, hours that a person prefers, quiet hours, days without business.

What counts is what the recipient's clock on the wall shows at an instant. Where a zone springs
forward, a window inside the gap does not open that day; where it falls back, an hour that is shown
twice is inside a window, or quiet, both times. So nobody is texted while their clock reads quiet
hours, and nobody while it reads a closed day.

Preferred hours narrow the windows, but only where the two meet: a text that a person wants at another
time is better than none. Quiet hours and closed days never yield.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.days import ALWAYS_OPEN, LONGEST_CLOSURE, OpenDays
from lumiere_sms.schedule.instants import constant_stretches, instant_of

#: A window, and what preferred hours leave of it, lasts at least that long: less would hardly let a text go.
LEAST_MEETING = timedelta(minutes=5)

_DAY = timedelta(days=1)
_LOOK_AHEAD = timedelta(days=4)  # rules repeat daily; a change of offset swallows a day at most (Samoa, 2011-12-30)
_LONGEST_CLOSED = timedelta(days=LONGEST_CLOSURE)
_SOME_DAY, _SOME_ZONE = datetime(2026, 1, 5, tzinfo=UTC), ZoneInfo("UTC")
_TIMES = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """A stretch of each day, its end not included. An end at or before the start lies on the next day."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `09:00-11:00`; `21:00-08:00` crosses midnight; `00:00-24:00` is the whole day.

        Raises: ValueError with a sentence.
        """
        found = _TIMES.fullmatch(text.strip())
        if found is None:
            raise ValueError(f'"{text}" is not a window of the day; write HH:MM-HH:MM, such as 09:00-11:00')
        hour, minute, end_hour, end_minute = (int(digits) for digits in found.groups())
        start, end = _time_of_day(hour, minute), _time_of_day(end_hour, end_minute, midnight=24)
        if start == end and end_hour != 24:  # noqa: PLR2004 - the end of a day
            raise ValueError(f'"{text}" has no length; write 00:00-24:00 for the whole day')
        return cls(start, end)

    def holds(self, shown: time) -> bool:
        """Say whether a clock that shows this time is inside."""
        if self.start < self.end:
            return self.start <= shown < self.end
        return shown >= self.start or shown < self.end

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        return f"{self.start:%H:%M}-{'24:00' if self.end == time() else f'{self.end:%H:%M}'}"


DEFAULT_QUIET_HOURS = DailyWindow(time(21), time(8))
PROMOTIONAL_WINDOWS = (
    DailyWindow(time(9), time(11)),
    DailyWindow(time(14), time(16)),
    DailyWindow(time(19), time(20)),
)
WHOLE_DAY = DailyWindow(time(), time())
REMINDER_WINDOWS = (DailyWindow(time(18), time(19)),)


@dataclass(frozen=True, slots=True)
class SendWindows:
    """The rules of what is open, and when.

    Open is what lies inside any of `windows` (none: all day) and inside the `preferred` hours, not inside `quiet`, and
    on one of `open_days`.
    """

    windows: tuple[DailyWindow, ...] = ()
    quiet: DailyWindow | None = DEFAULT_QUIET_HOURS
    open_days: OpenDays = ALWAYS_OPEN
    preferred: DailyWindow | None = None

    def preferring(self, preferred: DailyWindow | None) -> "SendWindows":
        """Return the rules narrowed to the hours that a person prefers; unchanged where the two hardly meet.

        >>> str(SendWindows(REMINDER_WINDOWS).preferring(DailyWindow.parse("10:00-18:00")).preferred)
        'None'
        """
        return self if preferred is None else _narrowed(self, preferred)

    def is_open(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Say whether the clocks of `zone` show an open time at `instant`."""
        return self._holds(instant.astimezone(zone).replace(tzinfo=None))

    def first_open(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the earliest open instant from `instant` on, in UTC; None if the rules leave nothing open."""
        ahead = _LOOK_AHEAD if self.open_days == ALWAYS_OPEN else _LONGEST_CLOSED
        return next((opens for opens, _ in self.spans(instant, instant + ahead, zone=zone)), None)

    def lets_texts_go(self, zone: ZoneInfo) -> bool:
        """Say whether it is ever open for long enough at a time that a text could be handed over.

        >>> SendWindows((DailyWindow.parse("20:58-22:00"),)).lets_texts_go(ZoneInfo("Asia/Tokyo"))
        False
        """
        ahead = _LOOK_AHEAD if self.open_days == ALWAYS_OPEN else _LONGEST_CLOSED
        spans = self.spans(_SOME_DAY, _SOME_DAY + ahead, zone=zone)
        return any(closes - opens >= LEAST_MEETING for opens, closes in spans)

    def closes_at(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """Return the end of the open span that holds `instant`; of one that never ends, a day after `instant`.

        Raises: ValueError when nothing is open at `instant`.
        """
        opens, closes = next(self.spans(instant, instant + _LOOK_AHEAD, zone=zone), (None, instant))
        if opens != instant:
            raise ValueError(f"nothing is open at {instant.isoformat()}")
        return instant.astimezone(UTC) + _DAY if closes - instant > 2 * _DAY else closes

    def last_open_before(self, deadline: datetime, zone: ZoneInfo, *, after: datetime) -> datetime | None:
        """Return where the last open span that begins before `deadline` ends, `deadline` at the latest.

        None if nothing is open from `after` until `deadline`.
        """
        for start in dict.fromkeys((max(after, deadline - _LOOK_AHEAD), after)):
            if (last := _last(self.spans(start, deadline, zone=zone))) is not None:
                return last[1]
        return None

    def last_close_of_day(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """Return where the last span that begins on the local day of the open `instant` ends, past midnight or not."""
        midnight = instant_of(datetime.combine(instant.astimezone(zone).date() + _DAY, time()), zone)
        last = _last(self.spans(instant, midnight, zone=zone))
        assert last is not None, "the span of `instant` itself is one"
        return self.closes_at(last[0], zone)

    def spans(self, start: datetime, stop: datetime, *, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield the open spans between two instants, cut at both, in order, in UTC."""
        opened = None
        for instant, shown in self._changes(start.astimezone(UTC), stop.astimezone(UTC), zone=zone):
            if self._holds(shown):
                opened = opened or instant
            elif opened:
                yield opened, instant
                opened = None
        if opened:
            yield opened, stop.astimezone(UTC)

    def _holds(self, shown: datetime) -> bool:
        at = shown.time()
        if self.quiet is not None and self.quiet.holds(at):
            return False
        if self.preferred is not None and not self.preferred.holds(at):
            return False
        if self.windows and not any(window.holds(at) for window in self.windows):
            return False
        return self.open_days is ALWAYS_OPEN or self.open_days.is_open(shown.date())

    def _changes(self, start: datetime, stop: datetime, *, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield each instant from `start` on at which being open may change, and what the clocks show then."""
        all_windows = (*self.windows, self.quiet, self.preferred)
        turns = {turn for window in all_windows if window for turn in (window.start, window.end)}
        turns |= {time()} if self.open_days != ALWAYS_OPEN else set()
        for begin, end in constant_stretches(start, stop, zone=zone):
            local = begin.astimezone(zone)
            shown, offset = local.replace(tzinfo=None), local.utcoffset() or timedelta()
            yield begin, shown
            until = (end + offset).replace(tzinfo=None)
            for day in _days(shown.date(), until.date()):
                for turn in sorted(turns):
                    if shown < (at := datetime.combine(day, turn)) < until:
                        yield at.replace(tzinfo=UTC) - offset, at


def send_times(
    wish: datetime, *, windows: SendWindows, zone: ZoneInfo, expires_after: timedelta | None
) -> tuple[datetime, datetime] | None:
    """Return (send_after, expires_at), both in UTC, of a text wished for at `wish`.

    It may go from the first open instant on. It expires where the last open span before
    `wish + expires_after` ends; without `expires_after`, where the last span of its first local
    day does. None when nothing is open before that.
    """
    send_after = windows.first_open(wish, zone)
    if send_after is None:
        return None
    if expires_after is None:
        return send_after, windows.last_close_of_day(send_after, zone)
    expires_at = windows.last_open_before(wish + expires_after, zone, after=wish)
    return None if expires_at is None else (send_after, expires_at)


@lru_cache(maxsize=4_096)
def _narrowed(rules: SendWindows, preferred: DailyWindow) -> SendWindows:
    """Narrow rules where an ordinary day then still is open for long enough at a time."""
    narrow = replace(rules, preferred=preferred)
    return narrow if replace(narrow, open_days=ALWAYS_OPEN).lets_texts_go(_SOME_ZONE) else rules


def _time_of_day(hour: int, minute: int, *, midnight: int = 23) -> time:
    if hour == midnight == 24 and minute == 0:  # noqa: PLR2004 - the end of a day
        return time()
    try:
        return time(hour, minute)
    except ValueError as error:
        raise ValueError(f'"{hour:02}:{minute:02}" is not a time of day (HH:MM)') from error


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _last(spans: Iterator[tuple[datetime, datetime]]) -> tuple[datetime, datetime] | None:
    last = None
    for last in spans:  # noqa: B007 - the last one is what is asked for
        pass
    return last

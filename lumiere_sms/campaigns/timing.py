"""From when until when one person's text may leave: the campaign's wish, moved into what is open for them.

Zone, windows, quiet hours and closed days decide what is open; the hours that a person prefers narrow it where
the two meet before the text would expire; then the text leaves as it opens, at the hour at which they answer, or at
their place of an even spread. Nobody is left out for what they prefer, nor texted on another day because of a habit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.best_times import ENOUGH_OF_ALL, ENOUGH_OF_ONE, Habit, best_opening, habit_of
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.spreading import Slots, place_of
from lumiere_sms.schedule.windows import DailyWindow, SendWindows, send_times

#: What is said of how people's times came about, and how many of them.
PREFERRED, YIELDED = "preferred", "preferred_yields"
OWN_HABIT, EVERYBODYS_HABIT, NO_HABIT = "best_time_own", "best_time_of_all", "best_time_unknown"

_LEARNED = frozenset({OWN_HABIT, EVERYBODYS_HABIT})
_REMEMBERED = 65_536  # zones × preferred hours × wishes


class Timing(NamedTuple):
    """When a text may leave, in UTC. `preferred_time` are the hours that still narrow it; `notes` say what counted."""

    place: str
    send_after: datetime
    expires_at: datetime
    preferred_time: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timetable:
    """What an occurrence says of when its texts leave.

    `spread_by` names what an even spread is drawn for; None: none. `habit` is the one of all who answered, where
    times are learned. What `is_urgent` does not wait for the hours that people prefer.
    """

    zone: str
    windows: SendWindows
    expires_after: timedelta | None
    spread_by: str | None = None
    habit: Habit | None = None
    is_urgent: bool = False

    @property
    def is_personal(self) -> bool:
        """Whether two people of one zone who prefer the same hours may have different times."""
        return self.spread_by is not None or self.habit is not None


class Common(Protocol):
    """What people of one zone and the same preferred hours share: remembered, since most do."""

    def __call__(self, wish: datetime, zone: str | None, preferred: str | None) -> Timing | str:
        """Return when a text wished for at `wish` may leave, or why never: `bad_timezone`, `no_window`."""


class Timer(NamedTuple):
    """What tells people's times."""

    common: Common
    #: What is a person's own: from what is common, their number and when they have answered.
    own: Callable[[Timing, str, Sequence[datetime] | None], Timing]


@lru_cache(maxsize=8)
def timer(table: Timetable) -> Timer:
    """Return what tells people's times by a timetable; the same for the whole of a launch, so that it remembers."""

    @lru_cache(maxsize=_REMEMBERED)
    def common(wish: datetime, zone: str | None, preferred: str | None) -> Timing | str:
        return _common(table, wish, zone=zone, preferred=preferred)

    @lru_cache(maxsize=_REMEMBERED)
    def at_everybodys_hour(timing: Timing) -> Timing:
        return _at_everybodys_hour(table, timing)

    @lru_cache(maxsize=_REMEMBERED)
    def slots(timing: Timing) -> Slots:
        return Slots.of(_open(table, timing))

    def own(timing: Timing, phone: str, answers: Sequence[datetime] | None) -> Timing:
        if table.habit is not None:
            timing = _at_own_hour(table, timing, answers or ()) or at_everybodys_hour(timing)
        if table.spread_by is None or _LEARNED.intersection(timing.notes):
            return timing
        at = slots(timing).at(place_of(table.spread_by, phone))
        return timing._replace(send_after=at or timing.send_after)

    return Timer(common, own)


def _common(table: Timetable, wish: datetime, *, zone: str | None, preferred: str | None) -> Timing | str:
    try:
        place = resolve_zone(zone or table.zone)
    except ValueError:
        return "bad_timezone"
    preferred = None if table.is_urgent else preferred
    narrow = table.windows.preferring(read_preferred(preferred))
    found = send_times(wish, windows=narrow, zone=place, expires_after=table.expires_after)
    if found is not None and narrow.preferred is not None:
        return Timing(place.key, *found, preferred, (PREFERRED,))
    if found is None:
        found = send_times(wish, windows=table.windows, zone=place, expires_after=table.expires_after)
    return "no_window" if found is None else Timing(place.key, *found, None, (YIELDED,) if preferred else ())


def _at_own_hour(table: Timetable, timing: Timing, answers: Sequence[datetime]) -> Timing | None:
    """Move a text to the hour at which its person answers; None where that is not known, or never open."""
    if len(answers) < ENOUGH_OF_ONE:
        return None
    zone = ZoneInfo(timing.place)
    best = best_opening(_open(table, timing), habit_of(answers, zone), zone=zone)
    return None if best is None else timing._replace(send_after=best, notes=(*timing.notes, OWN_HABIT))


def _at_everybodys_hour(table: Timetable, timing: Timing) -> Timing:
    """Move a text to the hour at which most people answer, where that is known."""
    if table.habit is not None and table.habit.total >= ENOUGH_OF_ALL:
        best = best_opening(_open(table, timing), table.habit, zone=ZoneInfo(timing.place))
        if best is not None:
            return timing._replace(send_after=best, notes=(*timing.notes, EVERYBODYS_HABIT))
    return timing._replace(notes=(*timing.notes, NO_HABIT))


def _open(table: Timetable, timing: Timing) -> Iterator[tuple[datetime, datetime]]:
    windows = table.windows.preferring(read_preferred(timing.preferred_time))
    return windows.spans(timing.send_after, timing.expires_at, zone=ZoneInfo(timing.place))


@lru_cache(maxsize=4_096)
def read_preferred(text: str | None) -> DailyWindow | None:
    """Read the hours that a person prefers; what cannot be read, or is as good as all day, is no preference."""
    try:
        return DailyWindow.parse(text) if text else None
    except ValueError:
        return None

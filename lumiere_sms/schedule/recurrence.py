"""When a recurring campaign comes up: a rule on the wall clock, then instants.

The rule is a part of RFC 5545's (iCalendar): every so many days, weeks (which begin on Monday) or months. A time is
counted from, which is the first only where it fits the rule itself. A month without the day that is asked for has no
occurrence. Everything is reckoned in wall time and becomes an instant last, so "at 10:00" stays at 10:00 when the
clocks change: a time that the clocks jump over means the first minute after, one shown twice means the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice, takewhile
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.days import ALWAYS_OPEN, WEEKDAYS, OpenDays
from lumiere_sms.schedule.instants import YEARS, instant_of

Last = Literal["last"]

MOST_LEFT_OUT = 1_000  # that many in a row on days without business: it never comes up again
SHORTEST_MONTH = 28
_END = datetime(YEARS[-1] - 1, 12, 31)  # noqa: DTZ001 - wall time
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule. `days_of_week` counts from 1, Monday; with `nth` it is the nth of all those days of a month.

    `until` is the last day, wall time or instant, and holds for what is moved too. `count` counts what does come up,
    not what is left out because of `exceptions` or of days without business.
    """

    type: Literal["daily", "weekly", "monthly"]
    interval: int = 1
    days_of_week: tuple[int, ...] = ()
    day_of_month: int | Last | None = None
    nth: int | None = None
    until: date | datetime | None = None
    count: int | None = None
    exceptions: frozenset[date] = frozenset()
    on_closed: Literal["skip", "next_open_day"] | None = None


class Turn(NamedTuple):
    """One time that the rule names, and when it comes up in wall time: then, later, or not at all, and why."""

    named: datetime
    falls: datetime | None
    why: str = ""


def occurrences(
    rule: Recurrence, first_local: datetime, zone: ZoneInfo, days: OpenDays = ALWAYS_OPEN
) -> Iterator[datetime]:
    """Yield the instants, in UTC, at which it comes up, each later than the one before; without end where it has none.

    `first_local` is the naive wall time that it is counted from.

    >>> tuesdays = Recurrence("monthly", days_of_week=(2,), nth=2, count=2)
    >>> [f"{at:%m-%d %H:%M}" for at in occurrences(tuesdays, datetime(2026, 4, 1, 10), ZoneInfo("Asia/Tokyo"))]
    ['04-14 01:00', '05-12 01:00']
    """
    times = (turn.falls for turn in turns(rule, first_local, days) if turn.falls is not None)
    instants = _distinct(instant_of(local, zone) for local in times)
    if isinstance(until := rule.until, datetime) and until.tzinfo:
        instants = takewhile(lambda at: at <= until, instants)
    return islice(instants, rule.count)


def turns(rule: Recurrence, first_local: datetime, days: OpenDays = ALWAYS_OPEN) -> Iterator[Turn]:
    """Yield what the rule names, in order, with what becomes of it; several may be moved to one day."""
    left_out = 0
    for named in _named(rule, first_local):
        turn = _turn(rule, named, days)
        if turn.falls and _is_after(turn.falls, rule.until):
            return
        yield turn
        left_out = 0 if turn.falls else left_out + 1
        if left_out == MOST_LEFT_OUT:
            return


def in_words(rule: Recurrence, first_local: datetime) -> str:
    """Say a rule as people do, but for what limits it.

    >>> in_words(Recurrence("weekly", 2, (1, 3)), datetime(2026, 4, 1, 10))
    'every 2 weeks on Monday and Wednesday at 10:00'
    """
    unit = {"daily": "day", "weekly": "week", "monthly": "month"}[rule.type]
    every = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    return " ".join(filter(None, [every, _which(rule, first_local), f"at {first_local:%H:%M}"]))


def limits_in_words(rule: Recurrence) -> tuple[str, ...]:
    """Say what limits a rule, each as people do."""
    return tuple(_limits(rule))


def note(rule: Recurrence, first_local: datetime) -> str:
    """Say what somebody may not expect of a rule; nothing where there is nothing."""
    day = _day(rule, first_local)
    if isinstance(day, int) and day > SHORTEST_MONTH:
        return f"months without a {_ordinal(day)} are left out; last means each month's last day"
    if rule.nth == 5:  # noqa: PLR2004 - the fifth
        return "months without a fifth are left out; last means each month's last one"
    return ""


def _named(rule: Recurrence, first_local: datetime) -> Iterator[datetime]:
    """Yield the wall times that the rule names, from `first_local` on."""
    from dateutil import rrule  # noqa: PLC0415 - commands that look at no recurrence start without it

    frequency = {"daily": rrule.DAILY, "weekly": rrule.WEEKLY, "monthly": rrule.MONTHLY}[rule.type]
    which: dict[str, Any] = {}
    if rule.days_of_week:
        which["byweekday"] = [day - 1 for day in rule.days_of_week]
    if rule.nth is not None:
        which["bysetpos"] = rule.nth
    elif (day := _day(rule, first_local)) is not None:
        which["bymonthday"] = -1 if day == "last" else day
    made = rrule.rrule(
        frequency, dtstart=first_local, interval=rule.interval, wkst=rrule.MO, until=_END, cache=False, **which
    )
    return (named.replace(microsecond=first_local.microsecond) for named in made)


def _day(rule: Recurrence, first_local: datetime) -> int | Last | None:
    if rule.type != "monthly" or rule.nth is not None:
        return None
    return rule.day_of_month or first_local.day


def _turn(rule: Recurrence, named: datetime, days: OpenDays) -> Turn:
    if named.date() in rule.exceptions:
        return Turn(named, None, "an exception")
    why = days.why_closed(named.date()) if rule.on_closed else ""
    if not why:
        return Turn(named, named)
    moved = _next_open(rule, named.date(), days) if rule.on_closed == "next_open_day" else None
    return Turn(named, datetime.combine(moved, named.time()) if moved else None, why)


def _next_open(rule: Recurrence, day: date, days: OpenDays) -> date | None:
    """Return the next open day that is no exception either."""
    found = days.first_open(day)
    while found in rule.exceptions:
        found = days.first_open(date.fromordinal(found.toordinal() + 1))
    return found


def _is_after(local: datetime, until: date | datetime | None) -> bool:
    if isinstance(until, datetime):
        return not until.tzinfo and local > until
    return until is not None and local.date() > until


def _distinct(instants: Iterator[datetime]) -> Iterator[datetime]:
    """Yield what is later than the one before: moved to one day, or into one gap, two are one."""
    before = None
    for instant in instants:
        if before is None or instant > before:
            yield instant
            before = instant


def _which(rule: Recurrence, first_local: datetime) -> str:
    names = _weekdays(rule.days_of_week)
    match rule.type:
        case "daily":
            return ""
        case "weekly":
            return f"on {names or WEEKDAYS[first_local.weekday()]}"
    if rule.nth is not None:
        return f"on the {_NTH[rule.nth]} {'of ' * (len(rule.days_of_week) > 1)}{names}"
    day = _day(rule, first_local)
    return "on the last day" if day == "last" else f"on the {_ordinal(int(day or 1))}"


def _limits(rule: Recurrence) -> Iterator[str]:
    if rule.until is not None:
        yield f"until {f'{rule.until:%Y-%m-%d %H:%M %Z}'.strip() if isinstance(rule.until, datetime) else rule.until}"
    if rule.count is not None:
        yield "once" if rule.count == 1 else f"{rule.count:,} times at most"
    if rule.exceptions:
        yield f"not on {_listed(sorted(map(str, rule.exceptions)))}"
    if rule.on_closed == "skip":
        yield "not on days without business"
    if rule.on_closed == "next_open_day":
        yield "else on the next day with business"


def _weekdays(days: tuple[int, ...]) -> str:
    names = [WEEKDAYS[day - 1] for day in days]
    is_row = len(days) > 2 and days[-1] - days[0] == len(days) - 1  # noqa: PLR2004 - of two, both are named
    return f"{names[0]} to {names[-1]}" if is_row else _listed(names)


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")  # noqa: PLR2004 - the teens
    return f"{day}{ending}"

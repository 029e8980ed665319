"""Which stretch of time to simulate, as people write it: days, local times, times with an offset."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.errors import RefusedError, UsageError
from lumiere_sms.schedule.instants import instant_of

USUAL = timedelta(days=30)
LONGEST = timedelta(days=366)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HINT = 'write a day, "2026-04-15", or a time, "2026-04-15 10:00"'


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when the calendar is shown. The time before it, from now on, is lived through all the same."""

    begins: datetime
    until: datetime


def read_span(begins: str | None, until: str | None, *, now: datetime, zone: str) -> Span:
    """Read what an operator names; a day is whole, the last one too. Without words: from now on, for thirty days.

    >>> now = datetime(2026, 3, 15, 1, tzinfo=UTC)
    >>> read_span("2026-03-16", "2026-03-16", now=now, zone="Asia/Tokyo").until.isoformat()
    '2026-03-16T15:00:00+00:00'

    Raises: UsageError for what is no time; RefusedError for what lies before today, or ends before it begins.
    """
    place = ZoneInfo(zone)
    first = _instant(begins, place) if begins else now
    if first.astimezone(place).date() < now.astimezone(place).date():
        raise RefusedError(
            f"{begins} is over: a simulation begins with the state as it is now",
            hint="leave --from away; `campaign report` shows what was",
        )
    first = max(first, now)
    last = _instant(until, place, is_end=True) if until else _midnight_after(first + USUAL, place)
    if last <= first:
        raise RefusedError(f"{until} is not after {begins or 'now'}", hint="let --until be later than --from")
    if last - now > LONGEST:
        raise RefusedError(f"{until or begins} is more than a year ahead", hint="simulate a month or two")
    return Span(first, last)


def _instant(text: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        instant = instant_of(found, zone)
    except (ValueError, OverflowError) as error:
        raise UsageError(f'"{text}" is no day and no time', hint=_HINT) from error
    return _midnight_after(instant, zone) if is_end and _DAY.fullmatch(text.strip()) else instant


def _midnight_after(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(instant.astimezone(zone).date() + timedelta(days=1), time()), zone)

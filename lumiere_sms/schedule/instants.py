"""From what people write (a wall time and a zone, a duration) to instants.

A zone's wall clock is not a line: where it springs forward, some times never exist; where it falls
back, some exist twice. A time that does not exist means the first one after the gap, a time that
exists twice means the first (STYLE.md 8).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import ceil, floor
from zoneinfo import ZoneInfo

YEARS = range(1970, 3000)  # before, zones kept odd seconds; after, adding a day could leave the calendar
LONGEST_DURATION = timedelta(days=366)

_NO_TWO_CHANGES = timedelta(days=2)  # since 1970 no zone changed its offset twice within a week

#: Places and abbreviations that people write as zones and the time zone database does not know.
_MEANT = {
    "osaka": "Asia/Tokyo",
    "kyoto": "Asia/Tokyo",
    "nagoya": "Asia/Tokyo",
    "sapporo": "Asia/Tokyo",
    "fukuoka": "Asia/Tokyo",
    "yokohama": "Asia/Tokyo",
    "kobe": "Asia/Tokyo",
    "okinawa": "Asia/Tokyo",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "busan": "Asia/Seoul",
    "beijing": "Asia/Shanghai",
    "shenzhen": "Asia/Shanghai",
    "delhi": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "ist": "Asia/Kolkata",
    "san_francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "washington": "America/New_York",
    "boston": "America/New_York",
    "miami": "America/New_York",
    "edt": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "bst": "Europe/London",
    "cest": "Europe/Paris",
}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_MOST_DIGITS = 20  # of a duration: more are no number that anybody meant


def resolve_zone(name: str) -> ZoneInfo:
    """Return the zone of the tz database called `name`; deprecated names are its own links and work.

    >>> resolve_zone("Asia/Tokyo").key
    'Asia/Tokyo'

    Raises: ValueError with a sentence and, where one is near, a guess.
    """
    if name in _zone_names():
        return ZoneInfo(name)
    guess = _guess(name)
    raise ValueError(f'there is no time zone "{name}"' + (f"; did you mean {guess}?" if guess else ""))


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which the clocks of `zone` show the naive time `local`.

    >>> instant_of(datetime(2026, 3, 8, 2, 30), ZoneInfo("America/New_York")).isoformat()  # a gap: 03:00 EDT
    '2026-03-08T07:00:00+00:00'

    Raises: ValueError for a year outside 1970-2999.
    """
    if local.year not in YEARS:
        raise ValueError(f"the year {local.year} is not between {YEARS[0]} and {YEARS[-1]}")
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local.replace(fold=0):
        return first
    return _change_between(local.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def parse_duration(text: str) -> timedelta:
    """Read a duration: weeks, days, hours, minutes, seconds, in this order, each at most once.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)

    Raises: ValueError with a sentence.
    """
    found = _DURATION.fullmatch(text.strip().replace(" ", ""))
    if found is None or not any(found.groups()):
        raise ValueError(f'"{text}" is not a duration; write 90m, 12h, 1d or 1h30m')
    weeks, days, hours, minutes, seconds = (int((number or "0")[:_MOST_DIGITS]) for number in found.groups())
    whole = seconds + 60 * (minutes + 60 * (hours + 24 * (days + 7 * weeks)))
    if not 0 < whole <= LONGEST_DURATION.total_seconds():
        raise ValueError(f'"{text}" is not a duration between one second and {LONGEST_DURATION.days} days')
    return timedelta(seconds=whole)


def constant_stretches(start: datetime, stop: datetime, *, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield the instants from `start` to `stop`, in UTC, cut so that the zone's offset is one in each piece."""
    while start < stop:
        end = min(start + _NO_TWO_CHANGES, stop)
        if _offset(start, zone) != _offset(end, zone):
            end = _change_between(start, end, zone)
        yield start, end
        start = end


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant (a whole second) with another offset than `before` has; `after` has another."""
    old = _offset(before, zone)
    low, high = floor(before.timestamp()), ceil(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


@cache
def _zone_names() -> frozenset[str]:
    """Return the names of the tz database: its package's list, not the files of the system (`right/…`, `localtime`)."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _guess(name: str) -> str:
    city = name.strip().rpartition("/")[2].replace(" ", "_").lower()
    by_lower = {zone.lower(): zone for zone in sorted(_zone_names())}
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(_zone_names()) if "/" in zone}
    if found := _MEANT.get(city) or by_lower.get(name.strip().lower()) or by_city.get(city):
        return found
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    near_city = get_close_matches(city, by_city, n=1, cutoff=0.8)
    return by_lower[near[0]] if near else by_city[near_city[0]] if near_city else ""

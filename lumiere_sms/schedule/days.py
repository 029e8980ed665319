"""Which days a business is open: not on its closing weekdays, its single closing days, or public holidays.

Public holidays are those of the `holidays` package, by country (ISO 3166-1) or a part of one (ISO 3166-2, as
`DE-BY`): laws change them, so it is the package that is kept up to date. Japan's include the substitute for a
holiday that falls on a Sunday and the day between two holidays (国民の祝日に関する法律, article 3).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST_CLOSURE = 366  # days; who is closed for longer does not open again by itself

#: What people write for a country whose ISO code is another.
_MEANT = {"EN": "GB", "JA": "JP", "JPN": "JP", "JAPAN": "JP", "USA": "US", "KO": "KR", "EL": "GR"}


@dataclass(frozen=True, slots=True)
class OpenDays:
    """The days without business: weekdays (1 is Monday, 7 Sunday), single days, a country's public holidays."""

    closed_weekdays: frozenset[int] = frozenset()
    closed_days: frozenset[date] = frozenset()
    holidays: str | None = None

    def is_open(self, day: date) -> bool:
        """Say whether there is business on a day."""
        return not self.why_closed(day)

    def why_closed(self, day: date) -> str:
        """Say why there is no business on a day, in a few words; nothing where there is.

        >>> OpenDays(holidays="JP").why_closed(date(2026, 5, 4))
        'Greenery Day'
        """
        if day in self.closed_days:
            return "closed that day"
        if day.isoweekday() in self.closed_weekdays:
            return f"closed on {WEEKDAYS[day.weekday()]}s"
        return (_calendar(self.holidays, day.year).get(day) or "") if self.holidays else ""

    def first_open(self, day: date) -> date | None:
        """Return the first day with business from `day` on; None where there is none for more than a year."""
        days = (day + timedelta(days=ahead) for ahead in range(LONGEST_CLOSURE + 1))
        return next(filter(self.is_open, days), None)

    def closed_between(self, first: date, last: date) -> Iterator[tuple[date, str]]:
        """Yield the days without business from `first` to `last`, each with why."""
        while first <= last:
            if why := self.why_closed(first):
                yield first, why
            first += timedelta(days=1)


ALWAYS_OPEN = OpenDays()


def read_country(text: str) -> str:
    """Read whose public holidays are kept: `JP`, `US-CA`.

    >>> read_country("jp")
    'JP'

    Raises: ValueError with a sentence and, where one is near, a guess.
    """
    code = text.strip().upper()
    country, _, part = code.partition("-")
    known = _countries()
    if country not in known:
        near = _MEANT.get(code, "")
        guess = f"; did you mean {near}?" if near else ""
        raise ValueError(f'no public holidays are known of "{text}"; write an ISO 3166 code such as JP{guess}')
    if part and part not in known[country]:
        parts = ", ".join(known[country]) or "none"
        raise ValueError(f'no public holidays are known of "{part}" in {country}; its parts are: {parts}')
    return code


def has_holidays(country: str) -> bool:
    """Say whether the public holidays of a country (ISO 3166-1) are known."""
    return country in _countries()


@cache
def _calendar(code: str, year: int) -> "HolidayBase":
    """Return the public holidays of one year, all of them.

    A calendar without an end adds a year when it is first asked about one, day by day; a thread that asks meanwhile
    is told that there is business on New Year's Day.
    """
    from holidays import country_holidays  # noqa: PLC0415 - commands that ask for no holiday start without it

    country, _, part = code.partition("-")
    calendar = country_holidays(country, subdiv=part or None, language="en_US")  # else that of the process's locale
    calendar.get(date(year, 1, 1))
    return calendar


@cache
def _countries() -> dict[str, list[str]]:
    from holidays import list_supported_countries  # noqa: PLC0415 - as above

    return {country: parts for country, parts in list_supported_countries().items() if len(country) == 2}  # noqa: PLR2004 - ISO 3166-1 alpha-2

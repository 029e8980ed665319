"""Closing days as an operator writes them: `sun,mon`, `2026-08-13..2026-08-16`."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from lumiere_sms.campaigns.tenant_ways import AS_SET
from lumiere_sms.definitions.repeating import read_day, read_weekday
from lumiere_sms.errors import UsageError, quoted
from lumiere_sms.schedule.days import LONGEST_CLOSURE, WEEKDAYS

LIKE = "write weekdays and days, such as sun,mon or 2026-08-13..2026-08-16"


def read_closed(options: Sequence[str]) -> dict[str, Any]:
    """Read days without business, as `change_rules` takes them; `default` takes all back. Raises: UsageError.

    >>> read_closed(["sun", "2026-12-31..2027-01-01"])
    {'closed_weekdays': [7], 'closed_days': ['2026-12-31', '2027-01-01']}
    """
    words = [word.strip() for option in options for word in option.split(",")]
    if words == [AS_SET]:
        return {"closed_weekdays": None, "closed_days": None}
    try:
        weekdays = [_weekday(word) for word in words if word.isalpha() or word.isdecimal()]
        days = [day for word in words if not (word.isalpha() or word.isdecimal()) for day in _days(word)]
    except ValueError as error:
        raise UsageError(str(error), hint=LIKE) from error
    return {"closed_weekdays": weekdays or None, "closed_days": days or None}


def _weekday(text: str) -> int:
    number = int(read_weekday(text))
    if not 1 <= number <= len(WEEKDAYS):
        raise ValueError(f"{quoted(text)} is no weekday; 1 is Monday, 7 Sunday")
    return number


def _days(text: str) -> Iterator[str]:
    """Yield the days of `FIRST..LAST`, or the one."""
    first_text, _, last_text = text.partition("..")
    first = date.fromisoformat(read_day(first_text))
    last = date.fromisoformat(read_day(last_text or first_text))
    length = (last - first).days
    if not 0 <= length <= LONGEST_CLOSURE:
        raise ValueError(f"{quoted(text)} is no time of up to {LONGEST_CLOSURE} days, the first day first")
    return ((first + timedelta(days=ahead)).isoformat() for ahead in range(length + 1))

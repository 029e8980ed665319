"""What a template may do to a value: `{{ last_name | sama }}`.

A filter passes a missing value on, so that a fallback may stand behind it:
`{{ birthday | jdate | default('お誕生日') }}`. What it makes is never longer than what it was given by
more than a few characters.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import wraps
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined

from lumiere_sms.messages.problems import MissingValueError, RenderingError, TooLongError

LONGEST_TEXT = 1600  # characters; Twilio takes no more (error 21617)

_WEEKDAYS = "月火水木金土日"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)


class Missing(StrictUndefined):
    """Stands for a name without a value: false in a condition, an error wherever it would be shown or compared."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # Jinja's raises; ours lets `or` give a fallback
        return False

    def _refuse(self, *_: object) -> NoReturn:
        raise MissingValueError(self._undefined_name or "")

    __str__ = __iter__ = __len__ = __contains__ = __eq__ = __ne__ = __hash__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: what it does, for the guide, and how many arguments it takes."""

    function: Callable[..., Any]
    least: int = 0
    most: int = 0


def finish(value: Any) -> str:
    """Write a value as a text shows it where no filter says otherwise."""
    match value:
        case str():
            text = value
        case datetime():
            text = f"{value:%Y-%m-%d %H:%M}"
        case Decimal() if value == value.to_integral_value():
            text = f"{value:.0f}"
        case list() | tuple():
            text = ", ".join(str(item) for item in value)
        case _:
            text = str(value)
    if len(text) > LONGEST_TEXT:
        raise TooLongError(f"a value of {len(text):,} characters is longer than a text may be ({LONGEST_TEXT:,})")
    return text


def default(value: Any, fallback: Any, *_: Any) -> Any:
    """Give the fallback where the value is missing or empty. Zero is a value."""
    return fallback if is_missing(value) or (isinstance(value, str | list) and not value) else value


def is_missing(value: Any) -> bool:
    """Say whether there is no value."""
    return value is None or isinstance(value, Undefined)


def _passing_missing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def filtered(value: Any, *arguments: Any) -> Any:
        return value if is_missing(value) else function(value, *arguments)

    return filtered


def _sama(value: Any) -> Any:
    name = str(value).strip()
    if not name:
        return Missing(name="")
    return name if name.endswith("様") else f"{name}様"


def _jdate(value: Any) -> str:
    day = _day(value)
    return f"{day.month}月{day.day}日({_WEEKDAYS[day.weekday()]})"


def _date(value: Any) -> str:
    day = _day(value)
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def _time(value: Any) -> str:
    if not isinstance(value, datetime | time):
        raise RenderingError(f"{_shown(value)} has no time of day")
    return f"{value.hour}:{value.minute:02}"


def _yen(value: Any) -> str:
    return f"¥{_whole(value):,}"


def _number(value: Any) -> str:
    return f"{_whole(value):,}"


def _phone(value: Any) -> str:
    import phonenumbers  # noqa: PLC0415 - 100 ms that few templates need

    try:
        parsed = phonenumbers.parse(str(value))
    except phonenumbers.NumberParseException as error:
        raise RenderingError(f"{_shown(value)} is not a phone number with its country code") from error
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


def _truncate(value: Any, length: int) -> str:
    return str(value)[:length]


FILTERS: Mapping[str, Filter] = {
    "default": Filter(default, least=1, most=2),
    "sama": Filter(_passing_missing_on(_sama)),
    "jdate": Filter(_passing_missing_on(_jdate)),
    "date": Filter(_passing_missing_on(_date)),
    "time": Filter(_passing_missing_on(_time)),
    "yen": Filter(_passing_missing_on(_yen)),
    "number": Filter(_passing_missing_on(_number)),
    "phone": Filter(_passing_missing_on(_phone)),
    "upper": Filter(_passing_missing_on(lambda value: str(value).upper())),
    "lower": Filter(_passing_missing_on(lambda value: str(value).lower())),
    "title": Filter(_passing_missing_on(lambda value: str(value).title())),
    "trim": Filter(_passing_missing_on(lambda value: str(value).strip())),
    "truncate": Filter(_passing_missing_on(_truncate), least=1, most=1),
}


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        found = _DATE.match(str(value))
        return date(*(int(digits) for digits in found.groups())) if found else _no_day(value)
    except ValueError:
        return _no_day(value)


def _no_day(value: Any) -> NoReturn:
    raise RenderingError(f"{_shown(value)} is not a date") from None


def _whole(value: Any) -> int:
    """Round half up to a whole number; text is read, but no exponents: `9e999999999` would fill the memory."""
    text = str(value).replace(",", "").strip()
    if not _NUMBER.fullmatch(text):
        raise RenderingError(f"{_shown(value)} is not a number")
    return int(Decimal(text).to_integral_value("ROUND_HALF_UP"))


def _shown(value: Any) -> str:
    text = str(value)
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'  # noqa: PLR2004 - enough to recognise it

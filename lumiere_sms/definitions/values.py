"""What a single value of a definition may be: names, times of day, durations, zones, instants.

Each type reads the text an operator wrote, refuses it with one sentence, and keeps it in one
spelling, so that `9:00-11:00` and `09:00-11:00` are no difference in a plan. What each looks like
to an editor (JSON Schema) stands beside it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from lumiere_sms.errors import quoted
from lumiere_sms.messages.values import snake_case
from lumiere_sms.providers.choices import read_choices
from lumiere_sms.schedule.instants import YEARS, parse_duration, resolve_zone
from lumiere_sms.schedule.windows import DailyWindow

LONGEST_NAME = 100
LARGEST_AMOUNT = 1_000_000_000
NOW = "now"
RESERVED = frozenset({"all"})  # `segment: all` is everybody

_AT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d{1,2}:\d\d(?::\d\d)?) ?(Z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE)
_AMOUNT = re.compile(r"\d{1,9}(?:\.\d{1,4})?", re.ASCII)
_MONEY = re.compile(r"(\S+)\s+([A-Za-z]{3})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RANGE = r"^\s*\d{1,2}:\d\d\s*-\s*\d{1,2}:\d\d\s*$"


def duration_text(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it.

    >>> duration_text(timedelta(hours=36, minutes=5))
    '1d12h5m'
    """
    seconds = int(duration.total_seconds())
    written = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        written += f"{count}{unit}" if count else ""
    return written


def read_amount(text: str) -> Decimal:
    """Read a sum of money. Raises: ValueError.

    >>> read_amount("25.50")
    Decimal('25.50')
    """
    if not _AMOUNT.fullmatch(text.strip()):
        raise ValueError(f"{quoted(text)} is no amount below {LARGEST_AMOUNT:,} with at most four decimals")
    if not (amount := Decimal(text.strip())):
        raise ValueError("a budget of 0 would let nothing go")
    return amount


def read_money(text: str) -> tuple[Decimal, str]:
    """Read a sum with its currency. Raises: ValueError.

    >>> read_money("2500 JPY")
    (Decimal('2500'), 'JPY')
    """
    found = _MONEY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{quoted(text)} is no amount with its currency; write one like 25.00 USD")
    return read_amount(found[1]), found[2].upper()


def _money(text: str) -> str:
    amount, currency = read_money(text)
    places = max(2, -int(amount.normalize().as_tuple().exponent)) if amount % 1 else 0
    return f"{amount:.{places}f} {currency}"


def _name(text: str) -> str:
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(f"{quoted(text)} cannot be a name; write at least one character, no space at either end")
    if len(text) > LONGEST_NAME:
        raise ValueError(f"{quoted(text)} is too long for a name; {LONGEST_NAME} characters are the most")
    return text


def _own_name(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f"{quoted(text)} means everybody and cannot be the name of a segment")
    return text


def _present(text: str) -> str:
    if not text.strip():
        raise ValueError("this text is empty")
    return text


def _variable(text: str) -> str:
    name = snake_case(text)
    if not name.isidentifier():
        raise ValueError(f"{quoted(text)} cannot be the name of a variable; use letters, digits and _")
    return name


def _zone(text: str) -> str:
    return resolve_zone(text).key


def _range(text: str) -> str:
    return str(DailyWindow.parse(text))


def one_or_more(value: Any) -> Any:
    """Take one value for a list of it."""
    return [value] if isinstance(value, str) else value


def _providers(names: tuple[str, ...]) -> tuple[str, ...]:
    read_choices(names)
    return tuple(name.strip() for name in names)


def _quiet_hours(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if set(value) != {"from", "to"} or not all(isinstance(time, str) for time in value.values()):
        raise ValueError("quiet hours are written 21:00-08:00, or {from: 21:00, to: 08:00}")
    return f"{value['from']}-{value['to']}"


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _at(text: str) -> str:
    if text.strip().lower() == NOW:
        return NOW
    if _DAY.fullmatch(text.strip()):
        raise ValueError(f"{quoted(text)} has no time of day; write {text.strip()} 10:00")
    instant = _instant(_AT.fullmatch(text.strip()))
    if instant is None:
        raise ValueError(f'{quoted(text)} is not a time; write "now" or a local time like 2026-03-15 10:00')
    if instant.year not in YEARS:
        raise ValueError(f"the year {instant.year} is not between {YEARS[0]} and {YEARS[-1]}")
    return instant.isoformat(timespec="seconds" if instant.second else "minutes")


def _instant(found: re.Match[str] | None) -> datetime | None:
    if found is None:
        return None
    day, time, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{'0' * (time[1] == ':')}{time}{(offset or '').upper()}")
    except ValueError:
        return None


Name = Annotated[str, AfterValidator(_name)]
SegmentName = Annotated[Name, AfterValidator(_own_name)]
Text = Annotated[str, AfterValidator(_present)]
Variable = Annotated[str, AfterValidator(_variable)]
Word = Annotated[str, AfterValidator(_present), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Zone = Annotated[str, AfterValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Asia/Tokyo"]})]
Range = Annotated[str, AfterValidator(_range), WithJsonSchema({"type": "string", "pattern": _RANGE})]
Ranges = Annotated[
    tuple[Range, ...],
    BeforeValidator(one_or_more),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _RANGE},
                {"type": "array", "items": {"type": "string", "pattern": _RANGE}, "minItems": 1},
            ]
        }
    ),
]
QuietHours = Annotated[
    Range,
    BeforeValidator(_quiet_hours),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _RANGE},
                {
                    "type": "object",
                    "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
                    "required": ["from", "to"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Providers = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_more),
    Field(min_length=1),
    AfterValidator(_providers),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "examples": [["twilio", "aws"], ["twilio:70", "aws:30"]],
        }
    ),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*(\d+\s*[wdhms]\s*)+$", "examples": ["12h", "90m", "1d"]}),
]
At = Annotated[
    str,
    AfterValidator(_at),
    WithJsonSchema({"type": "string", "examples": ["now", "2031-04-01 10:00", "2031-04-01T10:00:00+09:00"]}),
]
Money = Annotated[
    str,
    AfterValidator(_money),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\s*\d{1,9}(\.\d{1,4})?\s+[A-Za-z]{3}\s*$", "examples": ["25.00 USD"]}
    ),
]
Variables = dict[Variable, Word]

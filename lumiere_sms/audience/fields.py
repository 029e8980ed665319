"""What criteria can ask about: the fields of a customer, the operators of each, and what a value may be.

A definition file hands every scalar over as text, an API call as JSON; both are read here, so that
`"5"` and `5` are the same visit count. What a CSV brings beyond our columns is asked for as
`attributes.NAME`: such a value is text, and is compared as a number when the criterion's value
reads as one (`attributes.age gte 20`), with those customers whose own value reads as one.
"""

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

MOST_DAYS = 36_500  # a hundred years: beyond it a date leaves the calendar
MOST = Decimal(10) ** 15
LONGEST_TEXT = 1_000
EARLIEST_YEAR, LATEST_YEAR = 1800, 2999
PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", re.ASCII)


class Kind(StrEnum):
    """What sort of value a field holds."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "whole number"
    DATE = "date"
    INSTANT = "time"
    DAYS = "number of days"
    BOOLEAN = "yes or no"
    TAGS = "list of tags"
    ATTRIBUTE = "text or number"


class Operator(StrEnum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ANY = "any"
    ALL = "all"
    NONE = "none"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Field:
    """A thing to ask about. `attribute` is the key in `attributes`, empty for a column."""

    name: str
    kind: Kind
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Days:
    """A date told from today, the tenant's local date: `ahead` days later, earlier when negative."""

    ahead: int


Value = str | bool | Decimal | date | datetime | Days

FIELDS = {
    "external_id": Kind.TEXT,
    "phone_number": Kind.TEXT,
    "first_name": Kind.TEXT,
    "last_name": Kind.TEXT,
    "total_sales": Kind.NUMBER,
    "visit_count": Kind.COUNT,
    "last_visit_date": Kind.DATE,
    "last_visit_days": Kind.DAYS,
    "next_appointment_at": Kind.INSTANT,
    "birthday": Kind.DATE,
    "tags": Kind.TAGS,
    "allow_promotional": Kind.BOOLEAN,
    "allow_reminders": Kind.BOOLEAN,
    "preferred_time": Kind.TEXT,
    "timezone": Kind.TEXT,
    "opt_out_date": Kind.INSTANT,
    "last_sms_response": Kind.INSTANT,
    "created_at": Kind.INSTANT,
    "updated_at": Kind.INSTANT,
}

_ORDERED = "eq ne gt gte lt lte between in not_in exists"
_WORDS = _ORDERED + " contains starts_with"
OPERATORS = {
    kind: tuple(Operator(name) for name in names.split())
    for kind, names in {
        Kind.TEXT: _WORDS,
        Kind.NUMBER: _ORDERED,
        Kind.COUNT: _ORDERED,
        Kind.DATE: _ORDERED,
        Kind.INSTANT: _ORDERED,
        Kind.DAYS: _ORDERED,
        Kind.BOOLEAN: "eq ne exists",
        Kind.TAGS: "any all none exists",
        Kind.ATTRIBUTE: _WORDS,
    }.items()
}
_DATES = "2026-03-15, {days_ago: 30} or {days_ahead: 7}"
SYMBOLS = {"=": "eq", "==": "eq", "!=": "ne", "<>": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def snake(name: str) -> str:
    """Write a camelCase name in snake_case.

    >>> snake("lastVisitDate")
    'last_visit_date'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def guess(word: str, choices: Collection[str]) -> str:
    """Return `did you mean "…"?` for the choice that is like `word`, or nothing."""
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def find_field(name: str) -> Field | None:
    """Return the field called `name`, in snake_case or camelCase; None where there is none."""
    head, dot, key = name.partition(".")
    if dot:
        return Field(f"attributes.{key}", Kind.ATTRIBUTE, key) if head == "attributes" and key else None
    kind = FIELDS.get(snake(name))
    return Field(snake(name), kind) if kind else None


def read_value(kind: Kind, value: Any) -> Value:
    """Return `value` as what a field of `kind` is compared with. Raises: ValueError with a sentence."""
    return _READERS[kind](value)


def read_boolean(value: Any) -> bool:
    """Return a boolean, also from the words `true` and `false`. Raises: ValueError with a sentence."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false", "yes", "no"}:
        return value.lower() in {"true", "yes"}
    raise ValueError(f"{shown(value)} is not true or false")


def plain_value(value: Value) -> Any:
    """Return `value` as JSON has it, so that reading it again gives the same."""
    match value:
        case Days():
            return {"days_ahead": value.ahead} if value.ahead > 0 else {"days_ago": -value.ahead}
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date():
            return value.isoformat()
        case _:
            return value


def shown(value: Any) -> str:
    """Quote a value of a file in a sentence, cut where it is long."""
    text = str(value)
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}…"'  # noqa: PLR2004 - a line of a terminal


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(f"{shown(value)} is not a text")  # noqa: TRY004 - a value of a file, not of a caller
    text = str(value)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a text of {len(text):,} characters is too long; {LONGEST_TEXT:,} is the most")
    if "\0" in text or text.encode("utf-8", "replace").decode() != text:
        raise ValueError(f"{text!a} holds a character that no customer's text can hold")
    return text


def _number(value: Any) -> Decimal:
    try:
        number = Decimal("x") if isinstance(value, bool) else Decimal(str(value).strip())
    except InvalidOperation as error:
        raise ValueError(f"{shown(value)} is not a number") from error
    if not number.is_finite() or abs(number) >= MOST:
        raise ValueError(f"{shown(value)} is not a number below {MOST:,}")
    return number


def _whole(value: Any) -> Decimal:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError(f"{shown(value)} is not a whole number")
    return number.quantize(Decimal(1))


def _days(value: Any) -> int:
    number = int(_whole(value))
    if not 0 <= number <= MOST_DAYS:
        raise ValueError(f"{shown(value)} is not a number of days from 0 to {MOST_DAYS:,}")
    return number


def _relative(value: dict[Any, Any]) -> Days:
    sign = {"days_ago": -1, "days_ahead": 1}
    names = [snake(str(name)) for name in value]
    if len(names) != 1 or names[0] not in sign:
        raise ValueError("a date relative to today is written {days_ago: 30} or {days_ahead: 7}")
    return Days(sign[names[0]] * _days(next(iter(value.values()))))


def _date(value: Any) -> date | Days:
    if isinstance(value, dict):
        return _relative(value)
    try:
        return _in_calendar(date.fromisoformat(str(value)))
    except ValueError as error:
        raise ValueError(f"{shown(value)} is not a date; write {_DATES}") from error


def _instant(value: Any) -> date | datetime | Days:
    if isinstance(value, dict):
        return _relative(value)
    try:
        return _in_calendar(_parsed_instant(str(value)))
    except ValueError as error:
        raise ValueError(f"{shown(value)} is not a time; write 2026-03-15T18:00+09:00 or {_DATES}") from error


def _parsed_instant(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


def _in_calendar(day: date) -> date:
    """Return `day`. Raises: ValueError for one so far off that a time zone or PostgreSQL may not know it."""
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(day.year)
    return day


def _attribute(value: Any) -> str | Decimal:
    if isinstance(value, bool):
        return "true" if value else "false"
    if PLAIN_NUMBER.fullmatch(str(value)):
        return Decimal(str(value))
    return _text(value)


_READERS: dict[Kind, Callable[[Any], Value]] = {
    Kind.TEXT: _text,
    Kind.TAGS: _text,
    Kind.NUMBER: _number,
    Kind.COUNT: _whole,
    Kind.DAYS: lambda value: Decimal(_days(value)),
    Kind.BOOLEAN: read_boolean,
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.ATTRIBUTE: _attribute,
}

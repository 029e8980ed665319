"""How a schedule recurs, as an operator writes it: days of the week and month, an end, exceptions."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.errors import quoted
from lumiere_sms.schedule.days import WEEKDAYS
from lumiere_sms.schedule.instants import YEARS
from lumiere_sms.schedule.recurrence import Recurrence

LAST = "last"

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NTH = (1, 2, 3, 4, 5, -1)
_SHORTEST = 3  # letters of a weekday: mon, tue


def read_weekday(value: Any) -> Any:
    """Read a weekday: its ISO number, or its English name from three letters on. Raises: ValueError.

    >>> read_weekday("Thurs"), read_weekday("7")
    (4, '7')
    """
    if not isinstance(value, str) or not value.strip().isalpha():
        return value
    name = value.strip().lower()
    found = [number for number, each in enumerate(WEEKDAYS, start=1) if each.lower().startswith(name)]
    if len(name) < _SHORTEST or not found:
        raise ValueError(f"{quoted(value)} is no weekday; write 1 (Monday) to 7 (Sunday), or mon to sun")
    return found[0]


def read_day(text: str) -> str:
    """Read a day of the calendar. Raises: ValueError."""
    day = text.strip()
    try:
        if _DAY.fullmatch(day) and date.fromisoformat(day).year in YEARS:
            return day
    except ValueError:
        pass
    raise ValueError(f"{quoted(text)} is not a day; write one like 2031-12-31")


def _end(text: str) -> str:
    """Read a last day, or a last moment as JavaScript writes it: with seconds, their fraction, an offset."""
    if _DAY.fullmatch(text.strip()[:10]) and len(text.strip()) > len("2031-12-31"):
        try:
            return datetime.fromisoformat(text.strip()).isoformat(timespec="seconds")
        except ValueError as error:
            raise ValueError(f"{quoted(text)} is not a time; write a day like 2031-12-31") from error
    return read_day(text)


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str | int) else value


def _in_order(days: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(set(days)))


def _day_of_month(value: Any) -> Any:
    return LAST if isinstance(value, str) and value.strip().lower() == LAST else value


def _nth(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    nth = -1 if text == LAST else int(text) if re.fullmatch(r"-?\d", text, re.ASCII) else None
    if nth not in _NTH:
        raise ValueError(f"{quoted(value)} is no place in a month; write 1 to 5, or last")
    return nth


_WEEKDAY = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 7}, {"type": "string", "examples": ["mon"]}]}
_DAY_SCHEMA = {"type": "string", "pattern": r"^\s*\d{4}-\d\d-\d\d\s*$", "examples": ["2031-12-31"]}

Weekday = Annotated[int, BeforeValidator(read_weekday), Field(ge=1, le=7)]
Weekdays = Annotated[
    tuple[Weekday, ...],
    BeforeValidator(_one_or_more),
    Field(min_length=1, max_length=7),
    AfterValidator(_in_order),
    WithJsonSchema({"anyOf": [*_WEEKDAY["anyOf"], {"type": "array", "items": _WEEKDAY, "minItems": 1, "maxItems": 7}]}),
]
Day = Annotated[str, AfterValidator(read_day), WithJsonSchema(_DAY_SCHEMA)]
Days = Annotated[
    tuple[Day, ...],
    BeforeValidator(_one_or_more),
    AfterValidator(_in_order),
    WithJsonSchema({"anyOf": [_DAY_SCHEMA, {"type": "array", "items": _DAY_SCHEMA}]}),
]
End = Annotated[
    str,
    AfterValidator(_end),
    WithJsonSchema({"type": "string", "examples": ["2031-12-31", "2031-12-31T23:59:59+09:00"]}),
]
DayOfMonth = Annotated[Literal["last"] | Annotated[int, Field(ge=1, le=31)], BeforeValidator(_day_of_month)]
Nth = Annotated[
    Literal[1, 2, 3, 4, 5, -1], BeforeValidator(_nth), WithJsonSchema({"enum": [1, 2, 3, 4, 5, -1, "last"]})
]


class RepeatDefinition(Definition):
    """How a campaign's occurrences follow each other, on the wall clock of its zone."""

    type: Literal["daily", "weekly", "monthly"] = Field(description="What it repeats by.")
    interval: Annotated[int, Field(ge=1, le=366)] = Field(default=1, description="Every so many days, weeks, months.")
    days_of_week: Weekdays | None = Field(default=None, description="1 is Monday, 7 Sunday (ISO 8601); or mon to sun.")
    day_of_month: DayOfMonth | None = Field(default=None, description="1 to 31, or last.")
    nth: Nth | None = Field(default=None, description="Which of these weekdays of a month; -1 is the last one.")
    end_date: End | None = Field(default=None, description="The last day on which it may occur.")
    count: Annotated[int, Field(ge=1, le=10_000)] | None = Field(default=None, description="How often at most.")
    exceptions: Days = Field(default=(), description="Days on which it does not occur.")
    on_closed: Literal["skip", "next_open_day"] | None = Field(
        default=None, description="What becomes of it on a public holiday or a day on which you are closed."
    )
    missed: Literal["run_once", "skip"] = Field(
        default="run_once", description="What becomes of occurrences that nobody launched in time."
    )

    def recurrence(self) -> Recurrence:
        """Return the rule."""
        return Recurrence(
            self.type,
            self.interval,
            self.days_of_week or (),
            self.day_of_month,
            self.nth,
            self._until(),
            self.count,
            frozenset(map(date.fromisoformat, self.exceptions)),
            self.on_closed,
        )

    def pattern(self) -> dict[str, Any]:
        """Return it as the HTTP API's repeatPattern."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"interval": self.interval}

    def _until(self) -> date | datetime | None:
        if self.end_date is None:
            return None
        read = date if _DAY.fullmatch(self.end_date) else datetime
        return read.fromisoformat(self.end_date)

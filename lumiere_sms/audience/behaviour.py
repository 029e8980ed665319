"""Criteria about what happened: who was texted, who answered, who came after, and who is in another segment.

    {received: spring-offer}                                a text of this campaign, ever
    {replied: {type: promotional, within_days: 30}}         an answer to any promotional text, from 30 days ago on
    {visited_after: {campaign: spring-offer, within_days: 14}}
    {last_texted_days: {min: 30, max: 90}}                  the last text was so many days ago
    {in_segment: regulars}

A text belongs to the number it went to, so all of this is true of everybody who has that number. *Received* is
what a provider has taken and no carrier gave back; a text whose answer was lost is not. An answer is a text that
came back, or a click on a link. Of visits only the last is known: it is *after* a text on a later day than the
text, by `within_days` days at most, and a visit later still hides it.

Days are those of the tenant's calendar, counted from its today: `within_days: 0` is today only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from lumiere_sms.audience.fields import Kind, guess, read_value, shown, snake

if TYPE_CHECKING:
    from lumiere_sms.audience.criteria import Criterion

#: The leaves of criteria that are no comparison of a field.
IN_SEGMENT = "in_segment"
LAST_TEXTED = "last_texted_days"
EVERYBODY = frozenset({"all"})  # no name of a segment
CAMPAIGN_TYPES = ("blast", "promotional", "drip", "reminder")
_NARROWINGS = ("campaign", "type", "within_days")


class Deed(StrEnum):
    """What happened, the words of criteria."""

    RECEIVED = "received"
    REPLIED = "replied"
    CLICKED = "clicked"
    VISITED_AFTER = "visited_after"


LEAVES = (*Deed, LAST_TEXTED, IN_SEGMENT)


@dataclass(frozen=True, slots=True)
class Did:
    """True of whom it happened to: with a text of this campaign, of this type, from so many days ago on."""

    deed: Deed
    campaign: str | None = None
    type: str | None = None
    within_days: int | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """The people of a fixed list: as the segment of a key has it now, or the customers of these keys."""

    segment_id: UUID | None = None
    customer_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class InSegment:
    """True of the people of a segment. `meaning` is whom it has, once that was looked up (segment_algebra.py)."""

    name: str
    meaning: "Criterion | Members | None" = None


class LeafError(ValueError):
    """What is wrong with a leaf; `steps` lead from its value to the place."""

    def __init__(self, message: str, *, steps: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message)
        self.steps = steps
        self.hint = hint


def read_segment_name(value: Any) -> InSegment:
    """Read the value of `in_segment`. Raises: LeafError."""
    return InSegment(_name(value, what="segment"))


def read_deed(deed: Deed, value: Any) -> Did:
    """Read the value of `received` and the like: a campaign's name, or what narrows it down. Raises: LeafError.

    >>> read_deed(Deed.RECEIVED, {"withinDays": "30"}).within_days
    30
    """
    if not isinstance(value, Mapping):
        return Did(deed, campaign=_name(value, what="campaign"))
    given: dict[str, Any] = {}
    for key, one in value.items():
        name = snake(str(key))
        if name not in _NARROWINGS:
            hint = guess(name, _NARROWINGS) or f"known are {', '.join(_NARROWINGS)}"
            raise LeafError(f"unknown key {shown(key)}", steps=(key,), hint=hint)
        given[name] = _read(name, one, steps=(key,))
    return Did(deed, **given)


def read_last_texted(value: Any) -> tuple[Did, Did | None]:
    """Read `{min: …, max: …}`: the last text was within `max` days, and none was within fewer than `min`.

    Returns the text there must be, and the one there must not be. Raises: LeafError.
    """
    bounds = {snake(str(key)): key for key in value} if isinstance(value, Mapping) else {}
    if not bounds or not bounds.keys() <= {"min", "max"}:
        raise LeafError("expected {min: …, max: …}", hint="who was not texted: not: {received: {within_days: 30}}")
    days = {name: _days(value[key], steps=(key,)) for name, key in bounds.items()}
    least, most = days.get("min", 0), days.get("max")
    if most is not None and least > most:
        raise LeafError(f"the least, {least}, is greater than the most, {most}")
    without = Did(Deed.RECEIVED, within_days=least - 1) if least else None
    return Did(Deed.RECEIVED, within_days=most), without


def plain_did(did: Did) -> dict[str, Any]:
    """Write a leaf as plain data.

    >>> plain_did(Did(Deed.REPLIED, within_days=30))
    {'replied': {'within_days': 30}}
    """
    narrowings = {name: getattr(did, name) for name in _NARROWINGS}
    return {did.deed.value: {name: value for name, value in narrowings.items() if value is not None}}


def told_deed(deed: str, narrowings: Mapping[str, Any]) -> str:
    """Say a leaf on one line.

    >>> told_deed("received", {"campaign": "spring", "within_days": 30})
    'received spring within 30 days'
    """
    campaign, kind, days = (narrowings.get(name) for name in _NARROWINGS)
    of = f" {campaign}" if campaign else f" any {kind} text" if kind else " any text"
    of += f" of type {kind}" if campaign and kind else ""
    within = "" if days is None else f" within {days} day{'' if days == 1 else 's'}"
    return f"{deed.replace('_', ' ')}{of}{within}"


def _read(name: str, value: Any, *, steps: tuple[str, ...]) -> Any:
    if name == "within_days":
        return _days(value, steps=steps)
    if name == "campaign":
        return _name(value, what="campaign", steps=steps)
    if value not in CAMPAIGN_TYPES:
        hint = guess(str(value).lower(), CAMPAIGN_TYPES) or f"write {' or '.join(CAMPAIGN_TYPES)}"
        raise LeafError(f"{shown(value)} is not a type of campaigns", steps=steps, hint=hint)
    return value


def _name(value: Any, *, what: Literal["campaign", "segment"], steps: tuple[str, ...] = ()) -> str:
    hint = "" if what == "segment" else "name one, or narrow any text down: {within_days: 30}"
    if value is None or value == "":
        raise LeafError(f"the name of a {what} is missing", steps=steps, hint=hint)
    if not isinstance(value, str):
        raise LeafError(f"{shown(value)} is not the name of a {what}", steps=steps, hint=hint)
    if what == "segment" and value in EVERYBODY:
        raise LeafError(f"{shown(value)} means everybody", steps=steps, hint="leave this criterion out")
    try:
        return str(read_value(Kind.TEXT, value))
    except ValueError as error:
        raise LeafError(str(error), steps=steps) from error


def _days(value: Any, *, steps: tuple[str, ...]) -> int:
    try:
        return int(read_value(Kind.DAYS, value))  # type: ignore[arg-type]  # a number of days reads as a number
    except ValueError as error:
        raise LeafError(str(error), steps=steps) from error

"""Frequency caps as an operator writes them: `promotional: 1 per 7d, postpone`."""

import re
from collections.abc import Sequence
from typing import Any

from lumiere_sms.audience.fields import guess
from lumiere_sms.campaigns.tenant_rules import split_kind
from lumiere_sms.campaigns.tenant_ways import AS_SET
from lumiere_sms.errors import UsageError, quoted
from lumiere_sms.schedule.instants import parse_duration

LIKE = 'write one like "promotional: 1 per 7d, postpone"'
_TAKEN_BACK = frozenset({AS_SET, "none"})
_THEN = ("postpone", "exclude")
_FOR_A_TYPE = re.compile(r"\s*(\w+)\s*[:=]\s*(\S.*?)\s*", re.DOTALL)
_CAP = re.compile(r"(\d{1,6})\s*per\s*([^,]+?)\s*(?:,\s*(\w+))?", re.ASCII | re.IGNORECASE)
_UNIT = re.compile(r"\s*(week|day|hour|minute)s?\b", re.ASCII | re.IGNORECASE)


def read_caps(options: Sequence[str]) -> dict[str, Any]:
    """Read caps, as `change_rules` takes them; `none` takes one back. Raises: UsageError.

    >>> read_caps(["promotional: 1 per 7 days, exclude", "blast: none"])
    {'promotional': {'most': 1, 'within': '7d', 'then': 'exclude'}, 'blast': None}
    """
    return dict(map(_read, options))


def _read(option: str) -> tuple[str, dict[str, Any] | None]:
    parted = _FOR_A_TYPE.fullmatch(option)
    if parted is None:
        raise UsageError(f"{quoted(option)} does not say for which type, and how often", hint=LIKE)
    kind, text = split_kind(f"{parted[1]}={parted[2]}")
    if text in _TAKEN_BACK:
        return kind, None
    if (found := _CAP.fullmatch(text)) is None:
        raise UsageError(f"{quoted(text)} is no frequency cap", hint=LIKE)
    return kind, {"most": int(found[1]), "within": _within(found[2]), "then": _then(found[3])}


def _within(text: str) -> str:
    """Read a time as people say it: `7d`, `7 days`, `week`."""
    short = _UNIT.sub(lambda unit: unit[1][0].lower(), text)
    short = short if short[:1].isdigit() else f"1{short}"
    try:
        parse_duration(short)
    except ValueError as error:
        raise UsageError(f"{quoted(text)} is no time within which to count", hint=LIKE) from error
    return short


def _then(text: str | None) -> str:
    then = (text or _THEN[0]).lower()
    if then not in _THEN:
        hint = guess(then, _THEN) or f"write {' or '.join(_THEN)}"
        raise UsageError(f"{quoted(then)} does not say what becomes of a text too many", hint=hint)
    return then

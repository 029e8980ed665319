"""What pydantic says of a value, in an operator's words: a sentence and a hint."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from lumiere_sms.audience.fields import guess
from lumiere_sms.definitions.values import duration_text
from lumiere_sms.errors import quoted

# Keys that are nouns: "blst" is not a type. Of any other key a wrong value is no value.
_NOUNS = frozenset({"type", "category", "priority", "routing", "strategy", "metric"})
_BOUNDS = ("greater_than", "less_than", "value_error", "too_")


def sentence_about(details: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return what is wrong with one value and a hint; None where what is below it says so already.

    Where the value may be of several kinds there is a detail for each: a value that is of one kind
    but out of its bounds is told of that, any other of what it might have been.
    """
    bounds = [one for one in details if one["type"].startswith(_BOUNDS)]
    words = [one for one in details if one["type"] == "literal_error"]
    if words and len(details) > 1 and not bounds:
        return _choice(words[0], numbers=any(one["type"].startswith("int") for one in details))
    return _sentence((bounds or details)[0])


def _sentence(detail: Mapping[str, Any]) -> tuple[str, str] | None:
    given, type_, name = detail["input"], detail["type"], _name(detail)
    if type_ == "literal_error":
        return _choice(detail)
    if type_ == "value_error":
        return str(detail["ctx"]["error"]), ""
    if type_.startswith(_BOUNDS):
        return _out_of_bounds(type_, given, name, detail["ctx"])
    return _wrong_kind(type_, given, name)


def _out_of_bounds(type_: str, given: Any, name: str, bounds: Mapping[str, Any]) -> tuple[str, str] | None:
    match type_:
        case "greater_than_equal":
            return f"{_shown(given)} is too small", f"{_shown(bounds['ge'])} is the least"
        case "less_than_equal":
            return f"{_shown(given)} is too large", f"{_shown(bounds['le'])} is the most"
        case "too_long":
            return f'"{name}" holds {len(given):,}', f"{bounds['max_length']:,} are the most"
    return None if given else (f'"{name}" is empty', "leave it out, or write at least one")


def _name(detail: Mapping[str, Any]) -> str:
    words = (step for step in reversed(detail["loc"]) if isinstance(step, str) and step.isidentifier())
    return next(words, "")


def _shown(value: Any) -> str:
    """Write a bound or a value as an operator would."""
    if isinstance(value, str) and value.startswith("datetime.timedelta"):  # how pydantic hands a bound on
        told = {unit: float(number) for unit, number in re.findall(r"(days|seconds)=([\d.]+)", value)}
        return duration_text(timedelta(**told))
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _choice(detail: Mapping[str, Any], *, numbers: bool = False) -> tuple[str, str] | None:
    given, name = detail["input"], _name(detail)
    if not isinstance(given, str):
        return _wrong_kind(detail["type"], given, name)
    expected = detail["ctx"]["expected"]
    choices = re.findall(r"'([^']+)'", expected)
    hint = guess(given.lower(), choices) or _either(choices or [expected], numbers=numbers)
    return f"{quoted(given)} is {f'not a {name}' if name in _NOUNS else f'no value for {name}'}", hint


def _either(choices: Collection[str], *, numbers: bool) -> str:
    *others, last = [*choices, *(["a whole number"] if numbers else [])]
    return f"write {', '.join(others)} or {last}" if len(others) > 1 else f"write {' or '.join([*others, last])}"


def _wrong_kind(type_: str, given: Any, name: str) -> tuple[str, str]:
    if given is None:
        return f'"{name}" is empty', ""
    found = (
        "a list" if isinstance(given, list) else "keys and values" if isinstance(given, dict) else quoted(str(given))
    )
    if isinstance(given, str) and type_.startswith(("int", "float", "bool")):
        kinds = {"int": "not a whole number", "flo": "not a number", "boo": "neither true nor false"}
        return f"{found} is {kinds[type_[:3]]}", ""
    wanted, hint = {
        "tuple_type": ("a list", "write [one, two]"),
        "dict_type": ("keys and values", ""),
        "model_type": ("keys and values", ""),
    }.get(type_, ("one value", "quote a text that begins with a bracket"))
    return f"expected {wanted}, found {found}", hint

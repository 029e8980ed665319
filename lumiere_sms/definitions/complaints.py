"""What is wrong with one definition, each with the path of the value it is about.

Three sources: pydantic's checks of single values, put into an operator's words here; the rules
between values of one definition; the criteria's own checks.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from lumiere_sms.audience.criteria import CriteriaError, check_criteria, check_filters
from lumiere_sms.audience.fields import guess
from lumiere_sms.definitions.models import (
    CampaignDefinition,
    DefaultsDefinition,
    Definition,
    ScheduleDefinition,
    SegmentDefinition,
    TemplateDefinition,
)
from lumiere_sms.definitions.places import Path, snake
from lumiere_sms.errors import quoted

MODELS: Mapping[str, type[Definition]] = {
    "template": TemplateDefinition,
    "segment": SegmentDefinition,
    "campaign": CampaignDefinition,
    "defaults": DefaultsDefinition,
}

#: Keys that others (or the API) use for what has another name here.
_MEANT = {
    "content": "message",
    "text": "message",
    "message_content": "message",
    "template_id": "template",
    "audience": "segment",
    "segment_id": "segment",
    "target_criteria": "criteria",
    "custom_filters": "filters",
    "customer_ids": "members",
    "scheduled_at": "schedule",
    "send_at": "schedule",
    "at": "schedule",
    "zone": "timezone",
    "windows": "window",
    "rate": "send_rate_per_minute",
    "expires": "expires_after",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong at a path inside a definition; `at_key` when it is the key itself."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False


def complaints_about(kind: str, data: Mapping[str, Any], error: ValidationError | None) -> Iterator[Complaint]:
    """Yield all that is wrong with a definition; `error` is what its model said."""
    for key, value in data.items():
        if value is None:
            yield Complaint((key,), f'"{key}" is empty', "write a value, or leave the key out", at_key=True)
    for detail in error.errors(include_url=False) if error else ():
        yield from _of_detail(kind, detail, data)
    if "name" in data:
        yield Complaint(("name",), 'unknown key "name"', "the name is the key above", at_key=True)
    yield from _between_values(kind, _meant_keys(kind, data))
    yield from _zones(data)
    yield from _of_criteria(data, "criteria", check_criteria)
    yield from _of_criteria(data, "filters", check_filters)


def _meant_keys(kind: str, data: Mapping[str, Any]) -> list[str]:
    """Return the keys of a definition, misspelt ones as they were meant, so that none is missed in vain."""
    return [key if key in MODELS[kind].model_fields else _nearest(key, MODELS[kind]) for key in data]


def _between_values(kind: str, keys: Sequence[str]) -> Iterator[Complaint]:
    match kind:
        case "segment":
            yield from _exactly_one(keys, ("criteria", "filters", "members"))
        case "campaign":
            yield from _exactly_one(keys, ("template", "message"))
            if not {"segment", "criteria", "filters"} & set(keys):
                hint = "name a segment, or write segment: all for everybody"
                yield Complaint((), "it does not say to whom", hint, at_key=True)


def _exactly_one(keys: Sequence[str], choices: Sequence[str]) -> Iterator[Complaint]:
    there = [key for key in keys if key in choices]
    if not there:
        yield Complaint((), f"one of {', '.join(choices[:-1])} or {choices[-1]} is missing", at_key=True)
    for key in there[1:]:
        yield Complaint((key,), f'"{there[0]}" and "{key}" exclude each other', "keep one of them", at_key=True)


def _zones(data: Mapping[str, Any]) -> Iterator[Complaint]:
    schedule, zone = data.get("schedule"), data.get("timezone")
    own = schedule.get("timezone") if isinstance(schedule, Mapping) else None
    if own and zone and own != zone:
        yield Complaint(
            ("schedule", "timezone"), f'{quoted(str(own))} contradicts "timezone" above', "keep one of them"
        )


def _of_criteria(
    data: Mapping[str, Any], key: str, check: Callable[[Any], Sequence[CriteriaError]]
) -> Iterator[Complaint]:
    if isinstance(tree := data.get(key), Mapping):
        for error in check(tree):
            at_key = error.message.startswith(("unknown key", "unknown filter"))
            yield Complaint((key, *error.path), error.message, error.hint, at_key)


def _of_detail(kind: str, detail: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Complaint]:
    path = tuple(detail["loc"])
    if path[-1] == "[key]":
        yield Complaint(path[:-1], *_sentence(detail), at_key=True)
    elif detail["type"] == "missing":
        if data.get(path[-1], "") is not None and path[-1] not in _meant_keys(kind, data):
            yield Complaint(path[:-1], f'"{path[-1]}" is missing', at_key=True)
    elif detail["type"] == "extra_forbidden":
        model = ScheduleDefinition if path[0] == "schedule" else MODELS[kind]
        hint = _guessed_key(str(path[-1]), model)
        yield Complaint(path, f"unknown key {quoted(str(path[-1]))}", hint, at_key=True)
    else:
        yield Complaint(path, *_sentence(detail))


def _nearest(key: str, model: type[Definition]) -> str:
    """Return the key of `model` that an unknown one was meant for, or nothing."""
    known = [name for name in model.model_fields if name != "name"]
    meant = _MEANT.get(snake(key), "")
    return meant if meant in known else next(iter(get_close_matches(snake(key), known, n=1)), "")


def _guessed_key(key: str, model: type[Definition]) -> str:
    if nearest := _nearest(key, model):
        return f'did you mean "{nearest}"?'
    return f"known are {', '.join(name for name in model.model_fields if name != 'name')}"


def _sentence(detail: Mapping[str, Any]) -> tuple[str, str]:
    given, context = detail["input"], detail.get("ctx", {})
    name = next((step for step in reversed(detail["loc"]) if isinstance(step, str)), "")
    match detail["type"]:
        case "value_error":
            return str(context["error"]), ""
        case "literal_error" if isinstance(given, str):
            return _choice(name, given, re.findall(r"'([^']+)'", context["expected"]))
        case "greater_than_equal":
            return f"{given} is too small", f"{context['ge']} is the least"
        case "less_than_equal":
            return f"{given} is too large", f"{context['le']:,} is the most"
        case "too_short":
            return f'"{name}" is empty', "leave it out, or write at least one"
    return _wrong_kind(detail["type"], given, name)


def _choice(name: str, given: str, choices: Collection[str]) -> tuple[str, str]:
    return f"{quoted(given)} is not a {name}", guess(given.lower(), choices) or f"write {' or '.join(choices)}"


def _wrong_kind(type_: str, given: Any, name: str) -> tuple[str, str]:
    if given is None:
        return f'"{name}" is empty', ""
    found = (
        "a list" if isinstance(given, list) else "keys and values" if isinstance(given, dict) else quoted(str(given))
    )
    if isinstance(given, str) and type_.startswith(("int", "bool")):
        return f"{found} is {'not a whole number' if type_.startswith('int') else 'neither true nor false'}", ""
    wanted, hint = {
        "tuple_type": ("a list", "write [one, two]"),
        "dict_type": ("keys and values", ""),
        "model_type": ("keys and values", ""),
    }.get(type_, ("one value", "quote a text that begins with a bracket"))
    return f"expected {wanted}, found {found}", hint

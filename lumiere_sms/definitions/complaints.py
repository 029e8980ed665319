"""What is wrong with one definition, each with the path of the value it is about.

Three sources: pydantic's checks of single values, put into an operator's words in sentences.py; the
rules between keys and between values (rules.py); the criteria's own checks. All hold at any depth:
a step of a sequence is checked as the campaign around it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lumiere_sms.audience.criteria import CriteriaError, check_criteria, check_filters
from lumiere_sms.definitions.base import Complaint, Definition
from lumiere_sms.definitions.models import (
    CampaignDefinition,
    DefaultsDefinition,
    SegmentDefinition,
    TemplateDefinition,
)
from lumiere_sms.definitions.nesting import (
    meant_keys,
    model_at,
    models_in,
    nearest,
    snaked,
    trees_in,
    value_at,
    written_path,
)
from lumiere_sms.definitions.places import Path
from lumiere_sms.definitions.rules import between_keys, between_values
from lumiere_sms.definitions.sentences import sentence_about
from lumiere_sms.errors import quoted

MODELS: Mapping[str, type[Definition]] = {
    "template": TemplateDefinition,
    "segment": SegmentDefinition,
    "campaign": CampaignDefinition,
    "defaults": DefaultsDefinition,
}

_NAMED = frozenset({"name"})  # what a definition is called is the key above it, not a key of its own
_GRAMMARS: Mapping[str, Callable[[Any], Sequence[CriteriaError]]] = {
    "criteria": check_criteria,
    "filters": check_filters,
}
_EMPTY = "write a value, or leave the key out"
#: What the keys look like that something cannot do without.
_WRITTEN = {
    "after": "after: 4h",
    "at": "at: 2031-04-01 10:00, or at: now",
    "before": "before: 1d",
    "content": "content: and the text",
    "metric": "metric: replies",
    "size": "size: 20",
    "type": "type: daily, weekly or monthly",
    "wait": "wait: 30m",
    "weight": "weight: 50%",
}


def complaints_about(
    kind: str, data: Mapping[str, Any], error: ValidationError | None, *, model: Definition | None = None
) -> Iterator[Complaint]:
    """Yield all that is wrong with a definition; `error` is what its model said, `model` what it became."""
    yield from _empty_values(kind, data)
    details = error.errors(include_url=False) if error else []
    for place, about in _by_place(kind, details, data).items():
        yield from _of_place(kind, place, about, data)
    if "name" in data:
        yield Complaint(("name",), 'unknown key "name"', "the name is the key above", at_key=True)
    yield from between_keys(kind, snaked(MODELS[kind], data), meant_keys(MODELS[kind], data, hidden=_NAMED))
    yield from between_values(model)
    for path, grammar, tree in trees_in(MODELS[kind], data):
        yield from _of_tree(path, grammar, tree)


def _empty_values(kind: str, data: Mapping[str, Any]) -> Iterator[Complaint]:
    for path, _, written in models_in(MODELS[kind], data):
        for key, value in written.items():
            if value is None:
                yield Complaint((*path, key), f'"{key}" is empty', _EMPTY, at_key=True)


def _by_place(
    kind: str, details: Sequence[Mapping[str, Any]], data: Mapping[str, Any]
) -> dict[tuple[str | int, ...], list[Mapping[str, Any]]]:
    """Group what pydantic said by the place it is about: it tries each member of a union by itself."""
    grouped: dict[tuple[str | int, ...], list[Mapping[str, Any]]] = {}
    for detail in details:
        *above, last = detail["loc"]
        if detail["type"] == "missing":
            path = (*written_path(MODELS[kind], above, data), last)
        else:
            path = written_path(MODELS[kind], detail["loc"], data)
        grouped.setdefault(path, []).append(detail)
    return grouped


def _of_place(
    kind: str, path: Path, details: Sequence[Mapping[str, Any]], data: Mapping[str, Any]
) -> Iterator[Complaint]:
    detail = details[0]
    within = model_at(MODELS[kind], path[:-1])
    if detail["type"] == "missing":
        yield from _missing(kind, path, data)
    elif detail["type"] == "extra_forbidden" and within is not None:
        hint = _guessed_key(str(path[-1]), within, hidden=_NAMED if len(path) == 1 else frozenset())
        yield Complaint(path, f"unknown key {quoted(str(path[-1]))}", hint, at_key=True)
    elif not _is_empty(kind, path, data) and (said := sentence_about(details)):
        yield Complaint(path, *said, at_key=detail["loc"][-1] == "[key]")


def _is_empty(kind: str, path: Path, data: Mapping[str, Any]) -> bool:
    """Say whether it is a model's key written without a value, which `_empty_values` tells."""
    around = value_at(data, path[:-1])
    known = model_at(MODELS[kind], path[:-1]) is not None and isinstance(around, Mapping)
    return known and path[-1] in around and around[path[-1]] is None


def _missing(kind: str, path: Path, data: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield that a key is missing, unless it is there without a value or under a misspelt name."""
    around, model = value_at(data, path[:-1]), model_at(MODELS[kind], path[:-1])
    if model is not None and isinstance(around, Mapping) and path[-1] not in meant_keys(model, around):
        hint = f"write {_WRITTEN[str(path[-1])]}" if path[-1] in _WRITTEN else ""
        yield Complaint(path[:-1], f'"{path[-1]}" is missing', hint, at_key=True)


def _guessed_key(key: str, model: type[Definition], *, hidden: frozenset[str]) -> str:
    if meant := nearest(key, model, hidden=hidden):
        return f'did you mean "{meant}"?'
    return f"known are {', '.join(name for name in model.model_fields if name not in hidden)}"


def _of_tree(path: Path, grammar: str, tree: Any) -> Iterator[Complaint]:
    check = _GRAMMARS.get(grammar)
    if check is None or not isinstance(tree, Mapping):
        return
    for error in check(tree):
        at_key = error.message.startswith(("unknown key", "unknown filter"))
        yield Complaint((*path, *error.path), error.message, error.hint, at_key)

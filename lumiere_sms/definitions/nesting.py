"""Which model stands where inside a definition: lists of models, names of models, models inside models.

A path is the one that a file has: keys and list positions. What pydantic puts between (which member
of a union it tried) is no place in a file and is dropped by `written_path`.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.places import Path, snake

#: Keys that others (or the API) use for what has another name here; the first that a model knows is meant.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "after": ("wait",),
    "at": ("schedule",),
    "audience": ("segment",),
    "content": ("message",),
    "custom_filters": ("filters",),
    "customer_ids": ("members",),
    "days": ("days_of_week",),
    "delay": ("after", "wait"),
    "every": ("interval",),
    "expires": ("expires_after",),
    "message_content": ("message",),
    "offset": ("before", "after"),
    "percent": ("weight",),
    "rate": ("send_rate_per_minute",),
    "repeat_pattern": ("repeat", "schedule"),
    "scheduled_at": ("at", "schedule"),
    "segment_id": ("segment",),
    "send_at": ("at", "schedule"),
    "share": ("weight",),
    "target_criteria": ("criteria",),
    "template_id": ("template",),
    "text": ("message", "content"),
    "until": ("end_date",),
    "wait": ("after",),
    "weekdays": ("days_of_week",),
    "windows": ("window",),
    "zone": ("timezone",),
}


def models_in(shape: Any, data: Any, path: Path = ()) -> Iterator[tuple[Path, type[Definition], Mapping[str, Any]]]:
    """Yield each mapping in `data` that a model stands for, the outermost first: its path, its model, what is written.

    >>> from lumiere_sms.definitions.models import CampaignDefinition
    >>> [path for path, _, _ in models_in(CampaignDefinition, {"steps": [{"after": "1d"}], "variants": {"a": {}}})]
    [(), ('steps', 0), ('variants', 'a')]
    """
    model = _model_of(shape)
    if model is not None and isinstance(data, Mapping):
        yield path, model, data
    steps = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for step, one in steps:
        if (inner := _below(shape, step)) is not None:
            yield from models_in(inner, one, (*path, step))


def trees_in(shape: Any, data: Any) -> Iterator[tuple[Path, str, Any]]:
    """Yield each value in `data` that has a grammar of its own: its path, which grammar, what is written."""
    for path, model, written in models_in(shape, data):
        for key, one in written.items():
            grammar = _grammar(_below(model, key))
            if grammar:
                yield (*path, key), grammar, one


def snaked(shape: Any, data: Any) -> Any:
    """Return `data` with the keys of each model in snake_case; names and trees stay as they are written."""
    if isinstance(data, list):
        return [snaked(_below(shape, place), one) for place, one in enumerate(data)]
    if not isinstance(data, Mapping) or shape is None:
        return data
    known = _model_of(shape) is not None
    return {snake(key) if known else key: snaked(_below(shape, key), one) for key, one in data.items()}


def written_path(shape: Any, path: Path, data: Any) -> tuple[str | int, ...]:
    """Return where a path of pydantic's stands in what is written: no members of unions, words of the API as given."""
    kept: list[str | int] = []
    for step in path:
        inner = _below(shape, step)
        if inner is None and not (isinstance(data, Mapping) and step in data):
            break
        kept.append(_as_written(step, shape, data))
        shape, data = inner, _at(data, kept[-1])
    return tuple(kept)


def model_at(shape: Any, path: Path) -> type[Definition] | None:
    """Return the model that stands at a path; None where none does."""
    for step in path:
        shape = _below(shape, step)
    return _model_of(shape)


def value_at(data: Any, path: Path) -> Any:
    """Return what is written at a path; None where nothing is."""
    for step in path:
        data = _at(data, step)
    return data


def nearest(key: str, model: type[Definition], *, hidden: frozenset[str] = frozenset()) -> str:
    """Return the key of `model` that an unknown one was meant for, or nothing."""
    known = [name for name in model.model_fields if name not in hidden]
    return _meant(key, model) or next(iter(get_close_matches(snake(key), known, n=1)), "")


def _meant(key: str, model: type[Definition]) -> str:
    """Return the key of `model` for which others have another word, or nothing."""
    return next((one for one in _MEANT.get(snake(key), ()) if one in model.model_fields), "")


def meant_keys(model: type[Definition], data: Mapping[str, Any], *, hidden: frozenset[str] = frozenset()) -> list[str]:
    """Return the keys of a mapping, misspelt ones as they were meant, so that none is missed in vain."""
    keys = map(snake, data)
    return [key if key in model.model_fields else nearest(key, model, hidden=hidden) for key in keys]


def _as_written(step: str | int, shape: Any, data: Any) -> str | int:
    """Return the key that stands for a field: itself, camelCase, or the API's word."""
    model = _model_of(shape)
    if model is None or not isinstance(data, Mapping) or step in data:
        return step
    spelt = (key for key in data if snake(key) == step)
    meant = (key for key in data if snake(key) not in model.model_fields and nearest(key, model) == step)
    return next(spelt, None) or next(meant, None) or step


def _at(data: Any, step: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None


def _below(shape: Any, step: str | int) -> Any:
    """Return the type of what stands at a key or position of a type; None where it has nothing there."""
    for member in _members(shape):
        origin, arguments = get_origin(member), get_args(member)
        if isinstance(member, type) and issubclass(member, Definition):
            key = snake(str(step))
            if (field := member.model_fields.get(key) or member.model_fields.get(_meant(key, member))) is not None:
                return Annotated[field.annotation, *field.metadata, None]
        elif origin is tuple and isinstance(step, int):
            return arguments[0]
        elif origin is dict and isinstance(step, str):
            return arguments[1]
    return None


def _model_of(shape: Any) -> type[Definition] | None:
    found = (one for one in _members(shape) if isinstance(one, type) and issubclass(one, Definition))
    return next(found, None)


def _members(shape: Any) -> Iterator[Any]:
    """Yield the members of a union, without what is annotated."""
    origin = get_origin(shape)
    if origin is Annotated:
        yield from _members(get_args(shape)[0])
    elif origin in (Union, UnionType):
        for one in get_args(shape):
            yield from _members(one)
    elif shape is not None:
        yield shape


def _grammar(shape: Any) -> str:
    """Return the name of the grammar that a type's values have, or nothing."""
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        return next(filter(None, map(_grammar, get_args(shape))), "")
    if origin is not Annotated:
        return ""
    inner, *marks = get_args(shape)
    said = (mark.json_schema or {} for mark in marks if isinstance(mark, WithJsonSchema))
    return next((str(one["format"]) for one in said if "format" in one), "") or _grammar(inner)

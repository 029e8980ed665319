"""The JSON Schema of a definition file: what lets an editor complete keys and underline mistakes.

Made from the models, so that the two cannot differ. Each key is offered in snake_case and accepted
in camelCase too (`doNotSuggest` is yaml-language-server's word for that).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic.alias_generators import to_camel, to_snake

from lumiere_sms.audience.behaviour import CAMPAIGN_TYPES, IN_SEGMENT, LAST_TEXTED, Deed
from lumiere_sms.audience.criteria import FILTERS
from lumiere_sms.audience.fields import FIELDS, Operator
from lumiere_sms.definitions.complaints import MODELS
from lumiere_sms.definitions.entries import SECTIONS
from lumiere_sms.definitions.values import LONGEST_NAME
from lumiere_sms.definitions.when import SCHEDULE_WORDS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TREE = {"$ref": "#/$defs/criteria"}
_BOUNDS = {"type": "object", "properties": {"min": {}, "max": {}}, "minProperties": 1, "additionalProperties": False}
_LAST_VISIT = (("last_visit_days", _BOUNDS), ("lastVisitDays", _BOUNDS))
_SHORT: Mapping[str, dict[str, Any]] = {  # what may be written in one line instead
    "remind": {"type": "string", "examples": ["1 day before, 18:00-19:00", "2h before"]},
    "schedule": {"type": "string", "examples": ["now", "2031-04-01 10:00"]},
}
_GRAMMARS = frozenset({"criteria", "filters"})
_DROPPED = frozenset({"title", "anyOf", "$ref", "default"})
_WORDS = {"schedule": SCHEDULE_WORDS}  # keys of the HTTP API, by what they mean here
_TEXT = [{"required": ["template"]}, {"required": ["message"]}]
_EITHER: Mapping[str, dict[str, Any]] = {
    "segment": {"oneOf": [{"required": [key]} for key in ("criteria", "filters", "members")]},
    "step": {"oneOf": _TEXT},
    "variant": {"oneOf": _TEXT},
    "campaign": {
        "oneOf": [*_TEXT, {"required": ["steps"]}, {"required": ["variants"]}],
        "anyOf": [{"required": [key]} for key in ("segment", "criteria", "filters")],
    },
}


def definitions_schema() -> dict[str, Any]:
    """Return the schema of a definition file (draft 2020-12)."""
    made = {kind: model.model_json_schema(by_alias=False, mode="validation") for kind, model in MODELS.items()}
    inner = {_name(title): one for schema in made.values() for title, one in schema.get("$defs", {}).items()}
    kinds = {kind: _of_model(kind, schema, hidden={"name"}) for kind, schema in made.items()}
    nested = {name: _of_model(name, schema) for name, schema in inner.items()}
    return {
        "$schema": _DIALECT,
        "title": "lumiere-sms definitions",
        "type": "object",
        "additionalProperties": False,
        "properties": {section: _section(section, kind) for section, kind in SECTIONS.items()},
        "$defs": {**kinds, **nested, "criteria": _criteria(), "filters": _filters()},
    }


def _section(section: str, kind: str) -> dict[str, Any]:
    below = {"$ref": f"#/$defs/{kind}"}
    if section == kind:
        return below
    names = {"minLength": 1, "maxLength": LONGEST_NAME}
    return {"type": ["object", "null"], "propertyNames": names, "additionalProperties": below}


def _name(title: str) -> str:
    """Return what a model is called in `$defs`: `schedule` for ScheduleDefinition."""
    return to_snake(re.sub("Definition$", "", title))


def _of_model(kind: str, made: dict[str, Any], *, hidden: Collection[str] = ()) -> dict[str, Any]:
    properties = {name: _of_key(name, one) for name, one in made["properties"].items() if name not in hidden}
    spelt = {name: [to_camel(name)] if "_" in name else [] for name in properties}
    for word, meant in _WORDS.get(kind, {}).items():
        spelt[meant].append(word)
    twins = {word: {**properties[name], "doNotSuggest": True} for name, words in spelt.items() for word in words}
    required = [[name, *spelt[name]] for name in made.get("required", ()) if name not in hidden]
    spellings = [{"anyOf": [{"required": [word]} for word in words]} for words in required if len(words) > 1]
    return {
        "type": "object",
        "description": made["description"].partition("\n")[0],
        "properties": properties | twins,
        "required": [words[0] for words in required if len(words) == 1],
        "additionalProperties": False,
        **({"allOf": spellings} if spellings else {}),
        **_EITHER.get(kind, {}),
    }


def _of_key(name: str, made: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _plain(made)
    if name not in _SHORT:
        return schema
    said = {key: value for key, value in schema.items() if key != "$ref"}
    return {**said, "anyOf": [_SHORT[name], {"$ref": schema["$ref"]}]}


def _plain(schema: Any) -> Any:
    """Drop what pydantic says of None and of titles, at any depth; name what it refers to as we do."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _plain(value) for key, value in schema.items() if key not in _DROPPED}
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    if "$ref" in schema:
        kept["$ref"] = f"#/$defs/{_name(schema['$ref'].rpartition('/')[2])}"
    if schema.get("format") in _GRAMMARS:
        said = {key: value for key, value in kept.items() if key not in {"type", "format"}}
        return {**said, "$ref": f"#/$defs/{schema['format']}"}
    choices = [_plain(choice) for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return kept | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _criteria() -> dict[str, Any]:
    many = {"type": "array", "items": _TREE, "minItems": 1}
    fields = sorted({*FIELDS, *map(to_camel, FIELDS)})
    leaf = {
        "field": {"anyOf": [{"enum": fields}, {"type": "string", "pattern": r"^attributes\..+"}]},
        "operator": {"enum": sorted({*Operator, *map(to_camel, Operator)})},
        "value": {"description": "A value, a list of them, or a date relative to today: {days_ago: 30}."},
    }
    shapes = [_object({name: many}, [name]) for name in ("and", "or")]
    shapes += [_object({name: below}, [name]) for name, below in (("not", _TREE), *_LAST_VISIT)]
    return {"anyOf": [*shapes, *_leaves(), _object(leaf, ["field", "operator"])]}


def _leaves() -> Iterator[dict[str, Any]]:
    """Yield the shapes of what is asked about other segments and about texts."""
    name = {"type": "string", "minLength": 1}
    days = {"type": ["integer", "string"], "description": "From so many days ago on; 0 is today."}
    narrowing = {"campaign": name, "type": {"enum": list(CAMPAIGN_TYPES)}, "within_days": days, "withinDays": days}
    below = {deed.value: {"anyOf": [name, _object(narrowing, [])]} for deed in Deed}
    for key, shape in {**below, LAST_TEXTED: _BOUNDS, IN_SEGMENT: name}.items():
        for spelt in dict.fromkeys((key, to_camel(key))):
            yield _object({spelt: shape}, [spelt])


def _filters() -> dict[str, Any]:
    tags = {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}
    properties = {name: tags if name == "tags" else _BOUNDS for name in FILTERS}
    twins = {to_camel(name): one for name, one in properties.items() if "_" in name}
    return {**_object({**properties, **twins}, []), "minProperties": 1}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

"""The JSON Schema of a definition file: what lets an editor complete keys and underline mistakes.

Made from the models, so that the two cannot differ. Each key is offered in snake_case and accepted
in camelCase too (`doNotSuggest` is yaml-language-server's word for that).
"""

from typing import Any

from pydantic.alias_generators import to_camel

from lumiere_sms.audience.criteria import FILTERS
from lumiere_sms.audience.fields import FIELDS, Operator
from lumiere_sms.definitions.complaints import MODELS
from lumiere_sms.definitions.entries import SECTIONS
from lumiere_sms.definitions.models import ScheduleDefinition
from lumiere_sms.definitions.values import LONGEST_NAME

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TREE = {"$ref": "#/$defs/criteria"}
_BOUNDS = {"type": "object", "properties": {"min": {}, "max": {}}, "minProperties": 1, "additionalProperties": False}
_ELSEWHERE: dict[str, dict[str, Any]] = {  # what has a shape of its own in $defs
    "criteria": {"anyOf": [{"$ref": "#/$defs/criteria"}]},
    "filters": {"anyOf": [{"$ref": "#/$defs/filters"}]},
    "schedule": {"anyOf": [{"type": "string", "examples": ["now", "2031-04-01 10:00"]}, {"$ref": "#/$defs/schedule"}]},
}
_EITHER = {
    "segment": {"oneOf": [{"required": [key]} for key in ("criteria", "filters", "members")]},
    "campaign": {
        "oneOf": [{"required": [key]} for key in ("template", "message")],
        "anyOf": [{"required": [key]} for key in ("segment", "criteria", "filters")],
    },
}


def definitions_schema() -> dict[str, Any]:
    """Return the schema of a definition file (draft 2020-12)."""
    kinds = {kind: _of_model(model) | _EITHER.get(kind, {}) for kind, model in MODELS.items()}
    return {
        "$schema": _DIALECT,
        "title": "lumiere-sms definitions",
        "type": "object",
        "additionalProperties": False,
        "properties": {section: _section(section, kind) for section, kind in SECTIONS.items()},
        "$defs": {**kinds, "schedule": _of_model(ScheduleDefinition), "criteria": _criteria(), "filters": _filters()},
    }


def _section(section: str, kind: str) -> dict[str, Any]:
    below = {"$ref": f"#/$defs/{kind}"}
    if section == kind:
        return below
    names = {"minLength": 1, "maxLength": LONGEST_NAME}
    return {"type": ["object", "null"], "propertyNames": names, "additionalProperties": below}


def _of_model(model: Any) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=False, mode="validation")
    properties = {
        name: _without_null(one | _ELSEWHERE.get(name, {}))
        for name, one in made["properties"].items()
        if name != "name"
    }
    twins = {to_camel(name): {**one, "doNotSuggest": True} for name, one in properties.items() if "_" in name}
    required = [name for name in made.get("required", ()) if name != "name"]
    return {
        "type": "object",
        "description": made["description"].partition("\n")[0],
        "properties": properties | twins,
        "required": required,
        "additionalProperties": False,
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what pydantic says of None and of titles: a key without a value is left out, not null."""
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and value is None)}
    choices = [choice for choice in kept.pop("anyOf", ()) if choice != {"type": "null"}]
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
    shapes += [_object({"not": _TREE}, ["not"]), _object({"last_visit_days": _BOUNDS}, ["last_visit_days"])]
    return {"anyOf": [*shapes, _object(leaf, ["field", "operator"])]}


def _filters() -> dict[str, Any]:
    tags = {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}
    properties = {name: tags if name == "tags" else _BOUNDS for name in FILTERS}
    twins = {to_camel(name): one for name, one in properties.items() if "_" in name}
    return {**_object({**properties, **twins}, []), "minProperties": 1}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

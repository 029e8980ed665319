import re

import pytest
import yaml

from lumiere_sms.definitions.models import CampaignDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.schema import definitions_schema


class EditorLoader(yaml.SafeLoader):
    """Types scalars as YAML 1.2 does, and so yaml-language-server: no dates, no sexagesimals."""


EditorLoader.yaml_implicit_resolvers = {}
for tag, pattern in (
    ("bool", "true|false"),
    ("int", "[-+]?[0-9]+"),
    ("float", r"[-+]?[0-9]+\.[0-9]*"),
    ("null", "~|null|"),
):
    EditorLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
SCHEMA = definitions_schema()


def errors(schema, value, path="$"):
    """Yield where `value` breaks the schema: the keywords that ours uses, and no others."""
    if "$ref" in schema:
        yield from errors(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], value, path)
    for keyword, fits in (("anyOf", lambda count: count >= 1), ("oneOf", lambda count: count == 1)):
        fitting = sum(not list(errors(one, value, path)) for one in schema.get(keyword, ()))
        if keyword in schema and not fits(fitting):
            yield f"{path} fits {fitting} of {keyword}"
    yield from _errors_of_scalar(schema, value, path)
    if isinstance(value, dict):
        yield from _errors_of_object(schema, value, path)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path} is too short"
        for place, item in enumerate(value):
            yield from errors(schema.get("items", {}), item, f"{path}[{place}]")


def _errors_of_scalar(schema, value, path):
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and not any(_is(kind, value) for kind in kinds):
        yield f"{path} is not {kinds}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is not one of {schema['enum']}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{path} does not match"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path} is out of bounds"


def _is(kind, value):
    if kind == "null":
        return value is None
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _errors_of_object(schema, value, path):
    yield from (f"{path} lacks {name}" for name in schema.get("required", ()) if name not in value)
    if len(value) < schema.get("minProperties", 0):
        yield f"{path} is empty"
    properties, further = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, one in value.items():
        if name in properties or isinstance(further, dict):
            yield from errors(properties.get(name, further), one, f"{path}.{name}")
        else:
            yield f"{path} has an unknown key {name}"


def broken(text):
    return list(errors(SCHEMA, EditorLoader(text).get_single_data()))


@pytest.mark.parametrize(
    "file", ["campaigns.example.yaml", "lumiere_sms/examples/starter/campaigns.yaml"], ids=["example", "starter"]
)
def test_what_we_ship_fits_the_schema(checkout, file):
    assert broken((checkout / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("campains: {}", "$ has an unknown key campains"),
        ("templates: {t: {}}", "$.templates.t lacks content"),
        ("templates: {t: {content: x, category: promo}}", "$.templates.t.category is not one of"),
        ("segments: {s: {members: [1], filters: {tags: [a]}}}", "$.segments.s fits 2 of oneOf"),
        ("segments: {s: {criteria: {field: visits, operator: eq, value: 1}}}", "$.segments.s.criteria fits 0 of anyOf"),
        ("segments: {s: {filters: {}}}", "$.segments.s.filters is empty"),
        ("campaigns: {c: {message: Hi}}", "$.campaigns.c fits 0 of anyOf"),
        ("campaigns: {c: {message: Hi, template: t, segment: all}}", "$.campaigns.c fits 2 of oneOf"),
        ("campaigns: {c: {message: Hi, segment: all, batch_size: 0}}", "$.campaigns.c.batch_size is out of bounds"),
        ("campaigns: {c: {message: Hi, segment: all, batchSize: x}}", "$.campaigns.c.batchSize is not ['integer']"),
        ("campaigns: {c: {message: Hi, segment: all, schedule: {zone: x}}}", "$.campaigns.c.schedule fits 0 of anyOf"),
        ("campaigns: {c: {message: Hi, segment: all, window: 9}}", "$.campaigns.c.window fits 0 of anyOf"),
        ("campaigns: {c: {message: Hi, segment: all, quiet_hours: {from: x}}}", "$.campaigns.c.quiet_hours fits 0 of"),
        ("campaigns: {c: {message: Hi, segment: all, expires_after: soon}}", "$.campaigns.c.expires_after does not"),
    ],
)
def test_what_an_editor_can_see_is_wrong(text, said):
    assert any(one.startswith(said) for one in broken(text)), broken(text)


@pytest.mark.parametrize(
    ("kind", "model"),
    [("template", TemplateDefinition), ("segment", SegmentDefinition), ("campaign", CampaignDefinition)],
)
def test_each_key_is_offered_in_snake_case_with_a_sentence_and_accepted_in_camel_case(kind, model):
    properties = SCHEMA["$defs"][kind]["properties"]
    offered = {name for name, one in properties.items() if not one.get("doNotSuggest")}

    assert offered == set(model.model_fields) - {"name"}
    assert all(one["description"] for one in properties.values())
    assert len(properties) - len(offered) == sum("_" in name for name in offered)

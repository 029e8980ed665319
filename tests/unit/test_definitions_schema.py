import json
import re

import pytest
import yaml

from lumiere_sms.definitions.models import CampaignDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.reading import examine
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
    for one in schema.get("allOf", ()):
        yield from errors(one, value, path)
    for keyword, fits in (("anyOf", lambda count: count >= 1), ("oneOf", lambda count: count == 1)):
        fitting = sum(not list(errors(one, value, path)) for one in schema.get(keyword, ()))
        if keyword in schema and not fits(fitting):
            yield f"{path} fits {fitting} of {keyword}"
    yield from _errors_of_scalar(schema, value, path)
    if isinstance(value, dict):
        yield from _errors_of_object(schema, value, path)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{path} has too few or too many"
        for place, item in enumerate(value):
            yield from errors(schema.get("items", {}), item, f"{path}[{place}]")


def _errors_of_scalar(schema, value, path):
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and not any(_is(kind, value) for kind in kinds):
        yield f"{path} is not {kinds}"
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [value])
    if value not in choices:
        yield f"{path} is not one of {choices}"
    if isinstance(value, str) and not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{path} is too short or too long"
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
    yield from (f"{path} names {name!r}" for name in value if list(errors(schema.get("propertyNames", {}), name, path)))
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
        ("campaigns: {c: {segment: all, steps: [{after: 1d}]}}", "$.campaigns.c.steps[0] fits 0 of oneOf"),
        ("campaigns: {c: {segment: all, steps: [{message: Hi, delay: 1d}]}}", "$.campaigns.c.steps[0] has an unknown"),
        ("campaigns: {c: {segment: all, steps: []}}", "$.campaigns.c.steps has too few"),
        ("campaigns: {c: {segment: all, steps: [{message: Hi}], variants: {}}}", "$.campaigns.c fits 2 of oneOf"),
        ("campaigns: {c: {segment: all, variants: {a: {message: Hi}}}}", "$.campaigns.c.variants.a lacks weight"),
        ("campaigns: {c: {message: Hi, segment: all, canary: {size: 5}}}", "$.campaigns.c.canary lacks wait"),
        ("campaigns: {c: {message: Hi, segment: all, schedule: {}}}", "$.campaigns.c.schedule fits 0 of anyOf"),
        (
            "campaigns: {c: {message: Hi, segment: all, schedule: {at: now, repeat: {type: hourly}}}}",
            "$.campaigns.c.schedule fits 0 of anyOf",
        ),
        (
            "campaigns: {c: {segment: all, steps: [{message: Hi}], enrol: {leave_when: {feild: x}}}}",
            "$.campaigns.c.enrol.leave_when fits 0 of anyOf",
        ),
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


ONE = "campaigns: {c: {segment: all, message: Hi, %s}}"
DRIP = "campaigns: {c: {segment: all, type: drip, %s}}"
TRIAL = "campaigns: {c: {segment: all, %s}}"


@pytest.mark.parametrize(
    "text",
    [
        ONE % "schedule: now",
        ONE % "schedule: {at: 2031-04-01 10:00, timezone: Asia/Tokyo, repeat: {type: daily, interval: 2, count: 10}}",
        ONE % "schedule: {at: 2031-04-01 10:00, repeat: {type: monthly, day_of_month: last, end_date: 2031-12-31}}",
        ONE % "schedule: {at: 2031-04-01 10:00, repeat: {type: monthly, dayOfMonth: 15, onClosed: next_open_day}}",
        ONE
        % (
            "schedule: {scheduledAt: '2031-03-15T10:00:00+09:00', repeatPattern: {type: weekly, interval: 1, "
            "daysOfWeek: [1, 3], endDate: 2031-12-31, exceptions: [2031-05-03]}}"
        ),
        ONE % "canary: {size: 50, wait: 1h, maxFailureRate: 5%, max_opt_out_rate: 2}",
        ONE % "holdout: 10%, bestTime: learned, spread: window, ifTooSlow: spread, strategy: cost-optimized",
        ONE % "stopWhen: SELECT true",
        DRIP % "steps: [{message: Hi}, {name: two, after: 3d, message: Ho, unless: [replied]}]",
        DRIP % "steps: [{message: Hi}], enrol: {againAfter: 30d, leaveWhen: {lastVisitDays: {max: 3}}}",
        DRIP.replace("drip", "reminder") % "message: Hi, remind: '1 day before, 18:00-19:00'",
        DRIP.replace("drip", "reminder") % "message: Hi, remind: {before: 2h, window: 09:00-19:00}",
        TRIAL % "variants: {a: {weight: 50, message: Hi}, b: {weight: 50%, message: Ho}}",
        TRIAL
        % (
            "variants: {a: {weight: 20, message: Hi}, b: {weight: 20, message: Ho}}, "
            "winner: {metric: clicks, after: 1d, min: 50, ifUndecided: best}"
        ),
    ],
    ids=lambda text: text[15:75],
)
def test_what_an_editor_accepts_the_command_accepts_too(text, tmp_path):
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")

    assert broken(text) == []
    assert [str(problem) for problem in examine([tmp_path / "c.yaml"]).problems] == []


def test_each_key_at_any_depth_has_a_sentence():
    nested = set(SCHEMA["$defs"]) - {"template", "segment", "campaign", "defaults", "criteria", "filters"}

    assert {"schedule", "repeat", "step", "enrol", "remind", "variant", "winner", "canary"} <= nested
    for name in nested:
        assert SCHEMA["$defs"][name]["description"], name
        assert [key for key, one in SCHEMA["$defs"][name]["properties"].items() if not one.get("description")] == []


def test_what_is_referred_to_is_defined():
    referred = set(re.findall(r"#/\$defs/(\w+)", json.dumps(SCHEMA)))

    assert referred == set(SCHEMA["$defs"])

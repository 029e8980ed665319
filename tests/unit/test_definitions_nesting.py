from pathlib import Path
from typing import Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from lumiere_sms.definitions.base import Complaint
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.nesting import model_at, nearest, snaked, written_path
from lumiere_sms.definitions.reading import examine
from lumiere_sms.definitions.rules import at_most_one, exactly_one
from lumiere_sms.definitions.sentences import sentence_about
from lumiere_sms.definitions.trials import VariantDefinition
from lumiere_sms.definitions.when import ScheduleDefinition, StepDefinition

DRIP = "campaigns:\n  c:\n    type: drip\n    segment: all\n"
ONE = "campaigns:\n  c:\n    message: Hi\n    segment: all\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said_of(text):
    Path("c.yaml").write_text(text, encoding="utf-8")
    return [str(problem).partition("\n")[0].removeprefix("c.yaml:") for problem in examine([Path("c.yaml")]).problems]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("steps: [{mesage: Hi}]", '5:14: unknown key "mesage"; did you mean "message"?'),
        ("steps: [{message: Hi, wait: 3d}]", '5:27: unknown key "wait"; did you mean "after"?'),
        (
            "steps: [{message: Hi, zzz: 1}]",
            '5:27: unknown key "zzz"; known are name, after, template, message, window, unless',
        ),
        ("steps: [{message: Hi, after: }]", '5:27: "after" is empty; write a value, or leave the key out'),
        (
            "steps: [{message: Hi}, {message: Ho, after: 3x}]",
            '5:49: "3x" is not a duration; write 90m, 12h, 1d or 1h30m',
        ),
        (
            "steps: [{message: Hi, unless: [left]}]",
            '5:36: "left" is no value for unless; write replied, visited or opted_out',
        ),
        ("steps: [{message: '{{ x | samma }}'}]", '5:31: there is no filter "samma"; did you mean sama?'),
        ("steps: [{template: spring}]", '5:24: there is no template "spring"; define it under templates:'),
        ("steps: [{message: Hi, template: t}]", '5:27: "message" and "template" exclude each other; keep one of them'),
        ("steps: [{after: 1d}]", "5:13: one of template or message is missing"),
        ("steps: [Hi]", '5:13: expected keys and values, found "Hi"'),
        ("steps: Hi", '5:12: expected a list, found "Hi"; write [one, two]'),
        ("steps: []", '5:12: "steps" is empty; leave it out, or write at least one'),
        ("enrol: {leaveWhen: {feild: visits}}", '5:25: unknown key "feild"; did you mean "field"?'),
        ("enrol: {leave_when: x}", '5:25: expected keys and values, found "x"'),
    ],
    ids=lambda value: value[:40],
)
def test_a_mistake_in_a_step_gets_a_place_a_sentence_and_a_guess(line, said):
    assert said in said_of(f"{DRIP}    {line}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "schedule: {at: now, repeat: {type: weekly, intervall: 2}}",
            ['5:48: unknown key "intervall"; did you mean "interval"?'],
        ),
        (
            "schedule: {scheduledAt: tomorrow}",
            ['5:29: "tomorrow" is not a time; write "now" or a local time like 2026-03-15 10:00'],
        ),
        (
            "schedule: {scheduledAt: now, repeatPattern: {type: daily, endDate: , weekdays: [mon]}}",
            [
                '5:63: "endDate" is empty; write a value, or leave the key out',
                '5:74: unknown key "weekdays"; did you mean "days_of_week"?',
            ],
        ),
        (
            "schedule: {at: now, scheduledAt: 2031-04-01T10:00:00Z}",
            ['5:15: "at" and "scheduledAt" exclude each other; keep one of them'],
        ),
        ("schedule: {timezone: UTC}", ['5:5: "at" is missing; write at: 2031-04-01 10:00, or at: now']),
        ("schedule: {atr: now}", ['5:16: unknown key "atr"; did you mean "at"?']),
        (
            "schedule: {at: now, repeat: {type: monthly, day_of_month: lst}}",
            ['5:63: "lst" is no value for day_of_month; did you mean "last"?'],
        ),
        (
            "schedule: {at: now, repeat: {type: monthly, day_of_month: first}}",
            ['5:63: "first" is no value for day_of_month; write last or a whole number'],
        ),
        (
            "schedule: {at: now, repeat: {type: monthly, dayOfMonth: 40}}",
            ["5:61: 40 is too large; 31 is the most"],
        ),
        ("canary: {size: 20000, wait: 1h}", ["5:20: 20000 is too large; 10,000 is the most"]),
        ("canary: {size: 5, wait: 1h, max_failure_rate: 120%}", ["5:51: 120% is too large; 100 is the most"]),
        ("canary: {size: five, wait: 1h}", ['5:20: "five" is not a whole number']),
        ("canary: {sice: 5, wait: 1h}", ['5:14: unknown key "sice"; did you mean "size"?']),
        ("winner: {metrik: clicks, after: 1d}", ['5:14: unknown key "metrik"; did you mean "metric"?']),
        (
            "winner: {metric: klicks, after: 1d}",
            ['5:22: "klicks" is not a metric; did you mean "clicks"?'],
        ),
        ("holdout: some", ['5:14: "some" is no percentage; write one like 10%']),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "said",
)
def test_a_mistake_below_a_key_is_told_once_and_at_its_place(line, said):
    found = said_of(f"{ONE}    {line}\n")

    assert [one for one in found if one in said] == said
    assert len([one for one in found if one.split(" ")[0] in {each.split(" ")[0] for each in said}]) == len(said), found


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("1m before", "5:13: 1m is too small; 15m is the least"),
        ("100d before", "5:13: 100d is too large; 60d is the most"),
        ("{before: }", '5:14: "before" is empty; write a value, or leave the key out'),
        ("{window: 18:00-19:00}", '5:5: "before" is missing; write before: 1d'),
        ("{befor: 1d}", '5:14: unknown key "befor"; did you mean "before"?'),
    ],
)
def test_a_time_before_an_appointment_has_bounds(before, said):
    found = said_of(f"campaigns:\n  c:\n    type: reminder\n    message: Hi\n    remind: {before}\n    segment: all\n")

    assert found == [said]


def test_a_mistake_in_a_variant_is_told_below_its_name():
    variants = "      a: {wieght: 50, message: Hi}\n      'b ': {weight: x}\n"
    text = f"campaigns:\n  c:\n    segment: all\n    variants:\n{variants}"

    found = said_of(text)

    assert found[:1] == ['5:11: unknown key "wieght"; did you mean "weight"?']
    assert '6:7: "b" cannot be a name; write at least one character, no space at either end' in found
    assert '6:22: "x" is no percentage; write one like 10%' in found
    assert "6:7: one of template or message is missing" in found


def test_too_many_are_told_with_their_number():
    steps = ", ".join(["{message: Hi}"] * 101)

    assert '5:12: "steps" holds 101; 100 are the most' in said_of(f"{DRIP}    steps: [{steps}]\n")


@pytest.mark.parametrize(
    ("path", "data", "written"),
    [
        pytest.param(
            ("schedule", "at"), {"schedule": {"scheduledAt": "x"}}, ("schedule", "scheduledAt"), id="the API's"
        ),
        pytest.param(("schedule", "at"), {"schedule": "x"}, ("schedule", "at"), id="a short form"),
        pytest.param(("enrol", "again_after"), {"enrol": {"againAfter": 1}}, ("enrol", "againAfter"), id="camelCase"),
        pytest.param(("steps", 0, "after", "int"), {"steps": [{"after": 1}]}, ("steps", 0, "after"), id="a union"),
        pytest.param(("steps", 0, "wat"), {"steps": [{"wat": 1}]}, ("steps", 0, "wat"), id="an unknown key"),
        pytest.param(("variants", "a", "weight"), {"variants": {"a": {}}}, ("variants", "a", "weight"), id="a name"),
        pytest.param(("variables", "a"), {"variables": {"a": []}}, ("variables", "a"), id="no model below"),
    ],
)
def test_a_path_is_where_it_was_written(path, data, written):
    assert written_path(CampaignDefinition, path, data) == written


def test_a_model_is_known_at_its_path():
    assert model_at(CampaignDefinition, ("steps", 3)) is StepDefinition
    assert model_at(CampaignDefinition, ("variants", "anything")) is VariantDefinition
    assert model_at(CampaignDefinition, ("schedule",)) is ScheduleDefinition
    assert model_at(CampaignDefinition, ("steps", "x")) is None
    assert model_at(CampaignDefinition, ("message", "x")) is None


def test_keys_are_snake_case_at_every_level_and_names_stay():
    data = {
        "ifTooSlow": "refuse",
        "variants": {"camelCase": {"weight": 1}},
        "enrol": {"leaveWhen": {"lastVisitDays": {"min": 1}}},
        "steps": [{"message": "Hi"}, "x"],
        "wat": {"someKey": 1},
    }

    assert snaked(CampaignDefinition, data) == {
        "if_too_slow": "refuse",
        "variants": {"camelCase": {"weight": 1}},
        "enrol": {"leave_when": {"lastVisitDays": {"min": 1}}},
        "steps": [{"message": "Hi"}, "x"],
        "wat": {"someKey": 1},
    }


@pytest.mark.parametrize(
    ("key", "meant"),
    [("wait", "after"), ("text", "message"), ("tmeplate", "template"), ("zzz", "")],
)
def test_the_nearest_key_is_the_one_of_the_model(key, meant):
    assert nearest(key, StepDefinition) == meant


def test_of_several_choices_one_is_kept():
    assert list(exactly_one(["a", "x"], ("a", "b", "c"))) == []
    assert list(exactly_one(["x"], ("a", "b", "c"))) == [Complaint((), "one of a, b or c is missing", at_key=True)]
    assert list(at_most_one([], ("a", "b"))) == []
    assert [one.path for one in at_most_one(["c", "a"], ("a", "b", "c"))] == [("a",)]


@pytest.mark.parametrize(
    ("type_", "given", "said"),
    [
        pytest.param(
            Literal["a", "b"], 5, ('expected one value, found "5"', "quote a text that begins with a bracket")
        ),
        pytest.param(float, "x", ('"x" is not a number', "")),
        pytest.param(bool, "x", ('"x" is neither true nor false', "")),
        pytest.param(int, None, ('"" is empty', "")),
        pytest.param(str, {}, ("expected one value, found keys and values", "quote a text that begins with a bracket")),
    ],
)
def test_what_pydantic_refuses_is_said_in_plain_words(type_, given, said):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(type_).validate_python(given)

    assert sentence_about(refused.value.errors()) == said

"""A recurrence as it is written: read, refused, told apart."""

# ruff: noqa: DTZ001 - a recurrence is about wall times, which have no zone

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.reading import examine, read_definitions
from lumiere_sms.definitions.repeating import RepeatDefinition

SCHEDULE = (
    "campaigns:\n  c:\n    message: Hi\n    segment: all\n    schedule:\n      at: {at}\n      repeat: {repeat}\n"
)


@pytest.fixture
def said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(repeat: str, at: str = "2031-04-01 10:00") -> list[str]:
        Path("c.yaml").write_text(SCHEDULE.format(at=at, repeat=repeat), encoding="utf-8")
        return [str(problem).partition("\n")[0] for problem in examine([Path("c.yaml")]).problems]

    return of


@pytest.mark.parametrize(
    ("repeat", "place", "sentence"),
    [
        (
            "{type: daily, days_of_week: [1]}",
            "days_of_week",
            "a daily recurrence knows no weekdays; write type: weekly",
        ),
        (
            "{type: weekly, day_of_month: 3}",
            "day_of_month",
            "a weekly recurrence knows no day of the month; write type: monthly",
        ),
        ("{type: weekly, nth: 2}", "nth", "a weekly recurrence knows no nth weekday; write type: monthly"),
        (
            "{type: monthly, day_of_month: 3, nth: 2}",
            "nth",
            '"day_of_month" and "nth" exclude each other; keep one of them',
        ),
        (
            "{type: monthly, day_of_month: 3, daysOfWeek: [1]}",
            "daysOfWeek",
            '"day_of_month" and "days_of_week" exclude each other; keep one of them',
        ),
        ("{type: monthly, nth: 2}", "nth", "it does not say the nth of which weekdays; add days_of_week: [tue]"),
        (
            "{type: monthly, days_of_week: [1]}",
            "days_of_week",
            "it does not say which of these weekdays of a month; add nth: 1, or nth: last",
        ),
        (
            "{type: daily, end_date: 2031-03-01}",
            "2031-03-01",
            "it ends on 2031-03-01, before it begins (2031-04-01 10:00); write a later end_date, or an earlier at",
        ),
        (
            "{type: daily, end_date: 2031-04-01T00:59:00Z}",
            "2031-04-01T00:59:00Z",
            (
                "it ends on 2031-04-01T00:59:00+00:00, before it begins (2031-04-01 10:00); "
                "write a later end_date, or an earlier at"
            ),
        ),
        (
            "{type: daily, end_date: 2031-04-01T09:59:00}",
            "2031-04-01T09:59:00",
            (
                "it ends on 2031-04-01T09:59:00, before it begins (2031-04-01 10:00); "
                "write a later end_date, or an earlier at"
            ),
        ),
        (
            "{type: monthly, interval: 12, day_of_month: 31}",
            "repeat",
            "it never occurs: no month that it counts has such a day; write day_of_month: last, or another interval",
        ),
        (
            "{type: weekly, days_of_week: [3], end_date: 2031-04-01}",
            "repeat",
            (
                "it never occurs: no day between 2031-04-01 and 2031-04-01 fits; "
                "write a later end_date, or fewer exceptions"
            ),
        ),
        ("{type: fortnightly}", "fortnightly", '"fortnightly" is not a type; write daily, weekly or monthly'),
        ("{type: daily, intervall: 2}", "intervall", 'unknown key "intervall"; did you mean "interval"?'),
        ("{type: daily, on_closed: ask}", "ask", '"ask" is no value for on_closed; write skip or next_open_day'),
        (
            "{type: weekly, days_of_week: [mo]}",
            "mo",
            '"mo" is no weekday; write 1 (Monday) to 7 (Sunday), or mon to sun',
        ),
        ("{type: weekly, days_of_week: [8]}", "8", "8 is too large; 7 is the most"),
        ("{type: weekly, days_of_week: []}", "[", '"days_of_week" is empty; leave it out, or write at least one'),
        ("{type: monthly, nth: 6, days_of_week: [1]}", "6", '"6" is no place in a month; write 1 to 5, or last'),
        ("{type: daily, end_date: 2031-02-30}", "2031-02-30", '"2031-02-30" is not a day; write one like 2031-12-31'),
        (
            "{type: daily, end_date: 2031-02-28T25:00}",
            "2031-02-28T25:00",
            '"2031-02-28T25:00" is not a time; write a day like 2031-12-31',
        ),
        ("{type: daily, exceptions: [tomorrow]}", "tomorrow", '"tomorrow" is not a day; write one like 2031-12-31'),
        ("{type: daily, count: 0}", "0", "0 is too small; 1 is the least"),
        ("{interval: 2}", "repeat", '"type" is missing; write type: daily, weekly or monthly'),
        ("often", "often", 'expected keys and values, found "often"'),
    ],
)
def test_a_recurrence_that_is_none_is_refused_at_its_place(said, repeat, place, sentence):
    column = f"      repeat: {repeat}".rindex(place) + 1

    assert said(repeat) == [f"c.yaml:7:{column}: {sentence}"]


def test_exceptions_that_leave_nothing_are_told(said):
    repeat = "{type: monthly, end_date: 2031-04-30, day_of_month: 2, exceptions: [2031-04-02]}"

    why = "no day between 2031-04-01 and 2031-04-30 fits; write a later end_date, or fewer exceptions"
    assert said(repeat) == [f"c.yaml:7:7: it never occurs: {why}"]


@pytest.mark.parametrize("type_", ["drip", "reminder"])
def test_what_goes_on_every_day_does_not_recur(tmp_path, type_):
    file = tmp_path / "c.yaml"
    repeat = "{at: 2031-04-01 10:00, repeat: {type: daily}}"
    file.write_text(f"campaigns:\n  c: {{message: Hi, segment: all, type: {type_}, schedule: {repeat}}}\n")

    assert any("does not repeat" in problem.message for problem in examine([file]).problems)


def test_it_is_not_judged_before_it_is_known_when_it_begins(said):
    assert said("{type: daily, end_date: 2020-01-01}", at="now") == []


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        pytest.param({"days_of_week": ["Wed", "monday", 1]}, {"days_of_week": (1, 3)}, id="weekdays, once, in order"),
        pytest.param({"days_of_week": "fri"}, {"days_of_week": (5,)}, id="one weekday"),
        pytest.param({"daysOfWeek": [1, "3"]}, {"days_of_week": (1, 3)}, id="numbers"),
        pytest.param({"day_of_month": "Last"}, {"day_of_month": "last"}, id="the last day"),
        pytest.param({"day_of_month": "15"}, {"day_of_month": 15}, id="a day"),
        pytest.param({"nth": "last"}, {"nth": -1}, id="the last weekday"),
        pytest.param({"nth": "2"}, {"nth": 2}, id="the second weekday"),
        pytest.param({"nth": -1}, {"nth": -1}, id="the last weekday as a number"),
        pytest.param({"exceptions": "2031-05-03"}, {"exceptions": ("2031-05-03",)}, id="one exception"),
    ],
)
def test_a_recurrence_is_read(given, fields):
    repeat = RepeatDefinition.model_validate({"type": "monthly", **given})

    assert {name: getattr(repeat, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("2031-06-15", date(2031, 6, 15)),
        ("2031-06-15T23:59:59", datetime(2031, 6, 15, 23, 59, 59)),
        ("2031-06-15T14:59:59.000Z", datetime(2031, 6, 15, 14, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_day_a_wall_time_or_an_instant(end, until):
    assert RepeatDefinition(type="daily", end_date=end).recurrence().until == until


def test_the_requirements_example_is_read_as_it_stands(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        """
campaigns:
  c:
    message: Hi
    segment: all
    schedule: {
      "scheduledAt": "2024-03-15T10:00:00+09:00",
      "timezone": "Asia/Tokyo",
      "repeatPattern": {
        "type": "weekly",
        "interval": 1,
        "daysOfWeek": [1, 3, 5],
        "endDate": "2024-06-15T23:59:59+09:00"
      }
    }
""",
        encoding="utf-8",
    )

    schedule = read_definitions([file]).campaigns["c"].schedule

    assert schedule is not None
    assert schedule.repeat is not None
    assert schedule.repeat.pattern() == {
        "type": "weekly",
        "interval": 1,
        "daysOfWeek": [1, 3, 5],
        "endDate": "2024-06-15T23:59:59+09:00",
    }
    assert schedule.first_local("Asia/Tokyo") == datetime(2024, 3, 15, 10)


def test_a_payload_makes_the_same_recurrence_again():
    told = {
        "at": "2031-04-01 10:00",
        "repeat": {"type": "weekly", "days_of_week": ["mon"], "exceptions": ["2031-05-05"]},
    }
    campaign = CampaignDefinition.model_validate({"name": "c", "message": "Hi", "segment": "all", "schedule": told})

    assert CampaignDefinition.from_payload(campaign.payload()).schedule == campaign.schedule


def test_a_word_that_is_no_weekday_is_refused_without_a_file():
    with pytest.raises(ValidationError, match='"moon" is no weekday'):
        RepeatDefinition.model_validate({"type": "weekly", "days_of_week": ["moon"]})

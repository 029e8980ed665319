from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lumiere_sms.definitions.models import CampaignDefinition, ScheduleDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.values import duration_text
from lumiere_sms.schedule.instants import parse_duration
from lumiere_sms.schedule.windows import DEFAULT_QUIET_HOURS, PROMOTIONAL_WINDOWS, DailyWindow

CRITERIA = {"field": "visitCount", "operator": "gte", "value": "5"}


def campaign(**values):
    return CampaignDefinition(**{"name": "c", "message": "Hi", "segment": "all", **values})


def test_a_payload_has_every_default_in_one_spelling():
    made = campaign(window=["9:00-11:00"], expires_after="90m", schedule="2031-3-1 9:00".replace("3-1", "03-01"))

    assert made.payload() == {
        "batch_size": 50,
        "criteria": None,
        "description": None,
        "expires_after": "1h30m",
        "filters": None,
        "max_retries": 3,
        "message": "Hi",
        "name": "c",
        "priority": "normal",
        "quiet_hours": "21:00-08:00",
        "schedule": {"at": "2031-03-01T09:00"},
        "segment": "all",
        "send_rate_per_minute": 60,
        "template": None,
        "timezone": "Asia/Tokyo",
        "type": "blast",
        "variables": {},
        "window": ["09:00-11:00"],
    }


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(campaign(), id="plain"),
        pytest.param(campaign(type="promotional"), id="promotional"),
        pytest.param(campaign(type="promotional", priority="urgent", schedule={"at": "now"}), id="urgent"),
        pytest.param(
            campaign(
                criteria=CRITERIA,
                filters={"tags": ["vip"]},
                window="22:00-24:00",
                quiet_hours={"from": "0:00", "to": "6:00"},
                expires_after="1d",
                variables={"discount": "20"},
            ),
            id="everything",
        ),
        pytest.param(SegmentDefinition(name="s", filters={"visitCount": {"min": "2"}}), id="segment by filters"),
        pytest.param(SegmentDefinition(name="s", members=("L0001",)), id="segment by members"),
        pytest.param(TemplateDefinition(name="t", content="Hi", variables=("firstName",), tags=("a",)), id="template"),
    ],
)
def test_a_definition_survives_its_payload(made):
    again = type(made).from_payload(made.payload())

    assert again.payload() == made.payload()


def test_two_spellings_of_one_audience_have_one_payload():
    camel = SegmentDefinition(name="s", criteria=CRITERIA)
    typed = SegmentDefinition(name="s", criteria={"field": "visit_count", "operator": "gte", "value": 5})

    assert camel.payload() == typed.payload()
    assert camel.is_dynamic
    assert not SegmentDefinition(name="s", members=("1",)).is_dynamic


@pytest.mark.parametrize(
    ("values", "target"),
    [
        pytest.param({}, {"segment": None, "criteria": None}, id="all is everybody"),
        pytest.param({"segment": "s"}, {"segment": "s", "criteria": None}, id="a segment"),
        pytest.param(
            {"segment": None, "criteria": CRITERIA},
            {"segment": None, "criteria": {"field": "visit_count", "operator": "gte", "value": 5}},
            id="criteria",
        ),
        pytest.param(
            {"segment": "s", "criteria": CRITERIA, "filters": {"tags": ["vip"]}},
            {
                "segment": "s",
                "criteria": {
                    "and": [
                        {"field": "visit_count", "operator": "gte", "value": 5},
                        {"and": [{"field": "tags", "operator": "any", "value": ["vip"]}]},
                    ]
                },
            },
            id="all of them must hold",
        ),
    ],
)
def test_an_audience_is_a_segment_and_what_narrows_it(values, target):
    assert campaign(**values).target() == target


@pytest.mark.parametrize(
    ("values", "windows", "quiet"),
    [
        pytest.param({}, (), DEFAULT_QUIET_HOURS, id="a blast: any time but at night"),
        pytest.param({"type": "promotional"}, PROMOTIONAL_WINDOWS, DEFAULT_QUIET_HOURS, id="promotional: its windows"),
        pytest.param({"type": "promotional", "priority": "urgent"}, (), DEFAULT_QUIET_HOURS, id="urgent: at once"),
        pytest.param(
            {"type": "promotional", "window": ["12:00-13:00"], "quiet_hours": "20:00-9:00"},
            (DailyWindow(time(12), time(13)),),
            DailyWindow(time(20), time(9)),
            id="its own",
        ),
    ],
)
def test_when_texts_may_leave(values, windows, quiet):
    found = campaign(**values).windows()

    assert (found.windows, found.quiet) == (windows, quiet)


@pytest.mark.parametrize(
    ("at", "kept", "instant"),
    [
        ("now", "now", None),
        ("NOW", "now", None),
        ("2031-04-01 10:00", "2031-04-01T10:00", datetime(2031, 4, 1, 1, 0, tzinfo=UTC)),
        ("2031-04-01T9:30", "2031-04-01T09:30", datetime(2031, 4, 1, 0, 30, tzinfo=UTC)),
        ("2031-04-01 10:00:30", "2031-04-01T10:00:30", datetime(2031, 4, 1, 1, 0, 30, tzinfo=UTC)),
        ("2031-04-01T10:00:00+02:00", "2031-04-01T10:00+02:00", datetime(2031, 4, 1, 8, 0, tzinfo=UTC)),
        ("2031-04-01t10:00z", "2031-04-01T10:00+00:00", datetime(2031, 4, 1, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_wish_is_an_instant_in_its_zone(at, kept, instant):
    schedule = ScheduleDefinition.model_validate({"at": at})

    assert schedule.at == kept
    assert schedule.instant("Asia/Tokyo") == instant


def test_the_schedule_s_own_zone_is_the_one_that_counts():
    schedule = ScheduleDefinition.model_validate({"at": "2031-01-01 00:00", "timezone": "UTC"})

    assert schedule.instant("Asia/Tokyo") == datetime(2031, 1, 1, tzinfo=UTC)


def test_a_draft_and_now_have_no_start():
    assert campaign().starts_at() is None
    assert campaign(schedule="now").starts_at() is None
    assert campaign(schedule="2031-01-01 09:00").starts_at() == datetime(2031, 1, 1, tzinfo=UTC)


def test_a_definition_cannot_be_changed():
    with pytest.raises(ValidationError):
        campaign().name = "other"


@given(st.integers(1, 366 * 86_400))
def test_a_written_duration_reads_as_the_same(seconds):
    duration = timedelta(seconds=seconds)

    assert parse_duration(duration_text(duration)) == duration

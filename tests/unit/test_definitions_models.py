from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lumiere_sms.definitions.models import CampaignDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.definitions.values import duration_text
from lumiere_sms.definitions.when import ScheduleDefinition
from lumiere_sms.schedule.days import ALWAYS_OPEN, OpenDays
from lumiere_sms.schedule.instants import parse_duration
from lumiere_sms.schedule.windows import DEFAULT_QUIET_HOURS, PROMOTIONAL_WINDOWS, REMINDER_WINDOWS, DailyWindow

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
        "quiet_hours": None,
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


RULES = TenantRules(
    windows={"promotional": ["10:00-12:00"], "urgent": ["07:00-22:00"], "reminder": ["17:00-18:00"]},
    quiet_hours="22:00-09:00",
    closed_weekdays=[1],
    holidays="JP",
)
CLOSED = OpenDays(closed_weekdays=frozenset({1}), holidays="JP")
REMIND = {"type": "reminder", "remind": "1 day before"}


@pytest.mark.parametrize(
    ("values", "windows", "quiet", "open_days"),
    [
        pytest.param({"type": "promotional"}, ["10:00-12:00"], "22:00-09:00", CLOSED, id="by its type"),
        pytest.param({"type": "blast"}, [], "22:00-09:00", CLOSED, id="of its type there are none"),
        pytest.param({"priority": "urgent"}, ["07:00-22:00"], "22:00-09:00", ALWAYS_OPEN, id="urgent before its type"),
        pytest.param(REMIND, ["17:00-18:00"], "22:00-09:00", ALWAYS_OPEN, id="a reminder, also on closed days"),
        pytest.param(
            {"type": "reminder", "remind": "2h before"}, [], "22:00-09:00", ALWAYS_OPEN, id="a reminder of hours before"
        ),
        pytest.param(
            {
                "type": "promotional",
                "window": "9:00-10:00",
                "quiet_hours": "21:00-8:00",
                "closed": {"days": "2031-01-01"},
            },
            ["09:00-10:00"],
            "21:00-08:00",
            OpenDays(closed_days=frozenset({date(2031, 1, 1)})),
            id="its own",
        ),
        pytest.param(
            {"window": "0:00-24:00", "closed": {"holidays": "none"}}, [], "22:00-09:00", ALWAYS_OPEN, id="all the time"
        ),
        pytest.param(
            {"type": "reminder", "remind": {"before": "1d", "window": "12:00-13:00"}},
            ["12:00-13:00"],
            "22:00-09:00",
            ALWAYS_OPEN,
            id="a reminder's own",
        ),
    ],
)
def test_a_run_is_pinned_to_what_its_campaign_says_and_else_its_tenant_s_rules(values, windows, quiet, open_days):
    pinned = campaign(**values).under(RULES)

    found = pinned.windows()
    assert ([*map(str, found.windows)], str(found.quiet), found.open_days) == (windows, quiet, open_days)
    assert pinned.under(TenantRules()).windows() == CampaignDefinition.from_payload(pinned.payload()).windows() == found


@pytest.mark.parametrize(
    ("values", "windows"),
    [
        pytest.param({"type": "promotional"}, PROMOTIONAL_WINDOWS, id="promotional"),
        pytest.param({"type": "promotional", "priority": "urgent"}, (), id="urgent"),
        pytest.param({"type": "blast"}, (), id="blast"),
        pytest.param(
            {"type": "reminder", "remind": "1 day before"}, REMINDER_WINDOWS, id="a reminder of the day before"
        ),
        pytest.param({"type": "reminder", "remind": "2h before"}, (), id="a reminder of hours before"),
    ],
)
def test_where_nobody_says_anything_all_is_as_ever(values, windows):
    found = campaign(**values).under(TenantRules()).windows()

    assert (found.windows, found.quiet, found.open_days) == (windows, DEFAULT_QUIET_HOURS, ALWAYS_OPEN)


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

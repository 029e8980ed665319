import json

import pytest
import typer
from support.salon import apply_text, only, rows

from lumiere_sms.cli.calendar_views import read_repeat, schedule_words

DRAFT = "campaigns:\n  spring: {message: hello, segment: all}\n"


@pytest.fixture
def draft(database, clock, tmp_path):
    apply_text(database, tmp_path, DRAFT, clock=clock)


def test_a_campaign_that_recurs_shows_the_next_five_there_and_in_utc(command, draft, golden):
    code, out, said = command(
        "campaign", "schedule", "spring", "--at", "2031-04-28 10:00", "--weekly", "tue,sat", "--next-open-day"
    )
    shown = command("campaign", "show", "spring")[1]

    golden("calendar.txt", out)
    assert (code, said) == (0, 'campaign "spring" goes at 2031-04-30 10:00 JST (2031-04-30 01:00 UTC)\n')
    assert " ".join(out.split()) in " ".join(shown.split())


def test_the_calendar_as_json(command, draft):
    command("campaign", "schedule", "spring", "--at", "2031-01-31 10:00", "--monthly", "31", "--count", "2")

    found = json.loads(command("campaign", "show", "spring", "--json")[1])

    assert found["calendar"] == {
        "words": "every month on the 31st at 10:00",
        "limits": ["2 times at most"],
        "zone": "Asia/Tokyo",
        "upcoming": ["2031-01-31T01:00:00+00:00", "2031-03-31T01:00:00+00:00"],
        "left_out": [],
        "note": "months without a 31st are left out; last means each month's last day",
    }
    assert found["runs"] == []


def test_a_plan_says_how_a_campaign_recurs(command, tmp_path):
    (tmp_path / "c.yaml").write_text(
        DRAFT.replace(
            "all}",
            "all, schedule: {at: 2031-05-03 10:00, repeat: {type: daily, count: 3, on_closed: skip}}}",
        ),
        encoding="utf-8",
    )

    code, out, _ = command("plan", "c.yaml")

    assert code == 0
    assert "spring (blast): 2031-05-07 10:00 JST" in out
    assert "every day at 10:00, 3 times at most, not on days without business" in " ".join(out.split())
    assert "then Thu 2031-05-08 10:00, Fri 2031-05-09 10:00" in " ".join(out.split())


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, None),
        ({"at": "now"}, "now"),
        ({"at": "2031-04-01T10:00"}, "2031-04-01 10:00"),
        ({"at": "now", "repeat": {"type": "daily", "count": 2}}, "from now on daily, 2 times at most"),
        (
            {"at": "2031-04-01T10:00", "repeat": {"type": "weekly", "interval": 2, "on_closed": "skip"}},
            "from 2031-04-01 on every 2 weeks on Tuesday at 10:00, not on days without business",
        ),
    ],
)
def test_a_schedule_in_words(schedule, words):
    assert schedule_words(schedule) == words


def test_a_change_of_the_calendar_reads_as_people_say_it(command, database, clock, tmp_path):
    recurring = DRAFT.replace("all}", "all, schedule: {at: 2031-04-01 10:00, repeat: {type: weekly}}}")
    apply_text(database, tmp_path, recurring, clock=clock)
    (tmp_path / "c.yaml").write_text(recurring.replace("weekly", "daily, interval: 2"), encoding="utf-8")

    out = command("plan", "c.yaml")[1]

    assert "every week on Tuesday at 10:00 → from 2031-04-01 on every 2 days at 10:00" in " ".join(out.split())


def test_a_list_shows_when_a_recurring_campaign_comes_up_next(command, draft):
    command("campaign", "schedule", "spring", "--at", "2031-04-28 10:00", "--weekly", "fri")

    assert "2031-05-02 10:00 JST" in command("campaign", "list")[1]


def test_the_recurrence_is_taken_away(command, database, draft):
    command("campaign", "schedule", "spring", "--at", "2031-04-28 10:00", "--daily", "--every", "2")
    kept = only(database, "sms_campaigns")["repeat_pattern"]

    code, out, _ = command("campaign", "schedule", "spring", "--once")

    assert (kept, code, out) == ({"type": "daily", "interval": 2}, 0, "")
    assert only(database, "sms_campaigns")["repeat_pattern"] is None


def test_closing_days_are_set_and_shown(command, database, draft):
    command("campaign", "schedule", "spring", "--at", "2031-04-27 10:00", "--daily", "--skip-holidays")

    code, _, said = command("tenant", "set", "--closed", "sun", "--closed", "2031-04-28..2031-05-02")

    shown = command("tenant", "show")[1]
    assert (code, "changed the rules" in said) == (0, True)
    assert "Sundays, 2031-04-28..2031-05-02" in shown
    assert [f"{row['occurs_at']:%m-%d}" for row in rows(database, "campaign_occurrences")] == ["05-07"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--closed", "funday"), '"funday" is no weekday; write 1 (Monday) to 7 (Sunday), or mon to sun'),
        (("--closed", "9"), '"9" is no weekday; 1 is Monday, 7 Sunday'),
        (("--closed", "2031-05-02..2031-05-01"), "is no time of up to 366 days, the first day first"),
        (("--closed", "2031-05-32"), '"2031-05-32" is not a day'),
        (("--holidays", "japan"), "did you mean JP?"),
        (("--holidays", "XX"), 'no public holidays are known of "XX"; write an ISO 3166 code such as JP'),
    ],
)
def test_closing_days_that_are_none_are_refused(command, database, arguments, said):
    code, _, error = command("tenant", "set", *arguments)

    assert (code, said in error) == (2, True)


@pytest.mark.parametrize(
    ("options", "repeat"),
    [
        ({}, None),
        ({"once": True}, {}),
        ({"daily": True}, {"type": "daily"}),
        ({"weekly": "mon,Wed,5"}, {"type": "weekly", "days_of_week": [1, 3, 5]}),
        ({"monthly": "15"}, {"type": "monthly", "day_of_month": 15}),
        ({"monthly": "last"}, {"type": "monthly", "day_of_month": "last"}),
        ({"monthly": "2nd-tue"}, {"type": "monthly", "nth": 2, "days_of_week": [2]}),
        ({"monthly": "last-friday"}, {"type": "monthly", "nth": -1, "days_of_week": [5]}),
        ({"monthly": "1st-workday"}, {"type": "monthly", "nth": 1, "days_of_week": [1, 2, 3, 4, 5]}),
        (
            {"daily": True, "every": 2, "until": "2031-12-31", "count": 3, "exceptions": ["2031-05-01"]},
            {"type": "daily", "interval": 2, "end_date": "2031-12-31", "count": 3, "exceptions": ["2031-05-01"]},
        ),
        (
            {"daily": True, "skip_holidays": True, "missed": "skip"},
            {"type": "daily", "on_closed": "skip", "missed": "skip"},
        ),
        ({"daily": True, "next_open_day": True}, {"type": "daily", "on_closed": "next_open_day"}),
    ],
)
def test_a_recurrence_is_read_from_options(options, repeat):
    nothing = {"daily": False, "weekly": None, "monthly": None, "once": False}

    assert read_repeat(**{**nothing, **options}) == repeat


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"daily": True, "weekly": "mon"}, "give one of --daily, --weekly, --monthly and --once"),
        ({"every": 2}, "say by what it repeats"),
        ({"once": True, "count": 2}, "say by what it repeats"),
        ({"weekly": "funday"}, '"funday" is no weekday'),
        ({"weekly": ""}, "are no weekdays"),
        ({"weekly": "8"}, "weekdays are 1"),
        ({"monthly": "32"}, '"32" is no day of a month'),
        ({"monthly": "2nd-moon"}, '"moon" is no weekday'),
        ({"daily": True, "skip_holidays": True, "next_open_day": True}, "exclude each other"),
        ({"daily": True, "missed": "never"}, "neither run_once nor skip"),
    ],
)
def test_options_that_are_no_recurrence_are_refused(options, said):
    nothing = {"daily": False, "weekly": None, "monthly": None, "once": False}

    with pytest.raises(typer.BadParameter, match=said):
        read_repeat(**{**nothing, **options})


def test_without_a_time_or_a_recurrence_nothing_is_scheduled(command, draft):
    assert command("campaign", "schedule", "spring")[0] == 2

"""The rule is compared with RFC 5545 as dateutil reads it, and with a plain walk over the calendar."""

# ruff: noqa: DTZ001 - a rule is about wall times, which have no zone

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.schedule.days import ALWAYS_OPEN, OpenDays
from lumiere_sms.schedule.instants import instant_of
from lumiere_sms.schedule.recurrence import Recurrence, in_words, limits_in_words, note, occurrences, turns

TOKYO, NEW_YORK, UTC_ZONE = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York"), ZoneInfo("UTC")
CHANGING = (  # zones that change their clocks between 2020 and 2040, or did so oddly before
    "America/New_York", "America/Santiago", "America/Havana", "America/Godthab", "Europe/London", "Europe/Chisinau",
    "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Apia",
    "Antarctica/Troll", "Asia/Tehran",
)  # fmt: skip
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SUNDAYS_OFF = OpenDays(closed_weekdays=frozenset({7}))
MANY = 40

weekdays = st.frozensets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
rules = st.one_of(
    st.builds(Recurrence, st.just("daily"), st.integers(1, 40)),
    st.builds(Recurrence, st.just("weekly"), st.integers(1, 6), st.just(()) | weekdays),
    st.builds(
        Recurrence,
        st.just("monthly"),
        st.integers(1, 14),
        st.just(()),
        st.none() | st.just("last") | st.integers(1, 31),
    ),
    st.builds(
        Recurrence, st.just("monthly"), st.integers(1, 4), weekdays, st.none(), st.sampled_from((1, 2, 3, 4, 5, -1))
    ),
)
starts = st.datetimes(datetime(2020, 1, 1), datetime(2040, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0))
open_days = st.builds(
    OpenDays,
    st.frozensets(st.integers(1, 7), max_size=3),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=20),
    st.sampled_from((None, "JP", "US-CA")),
)


def found(rule, first, zone=UTC_ZONE, days=ALWAYS_OPEN, most=MANY):
    return list(islice(occurrences(rule, first, zone, days), most))


def local_days(rule, first, days=ALWAYS_OPEN, most=MANY):
    return [at.date() for at in found(rule, first, days=days, most=most)]


def as_rfc_5545(rule: Recurrence, first: datetime) -> str:
    parts = [f"FREQ={rule.type.upper()}", f"INTERVAL={rule.interval}", "WKST=MO"]
    if rule.days_of_week:
        parts.append("BYDAY=" + ",".join(DAYS[day - 1] for day in rule.days_of_week))
    if rule.nth:
        parts.append(f"BYSETPOS={rule.nth}")
    elif rule.type == "monthly":
        parts.append(f"BYMONTHDAY={-1 if rule.day_of_month == 'last' else rule.day_of_month or first.day}")
    return ";".join(parts)


def fits(rule: Recurrence, first: date, day: date) -> bool:
    if rule.type == "daily":
        return (day - first).days % rule.interval == 0
    if rule.type == "weekly":
        weeks = (day - timedelta(days=day.weekday()) - (first - timedelta(days=first.weekday()))).days // 7
        return weeks % rule.interval == 0 and day.isoweekday() in (rule.days_of_week or (first.isoweekday(),))
    months = 12 * (day.year - first.year) + day.month - first.month
    length = monthrange(day.year, day.month)[1]
    if months % rule.interval:
        return False
    if rule.nth is None:
        return day.day == (length if rule.day_of_month == "last" else rule.day_of_month or first.day)
    candidates = [n for n in range(1, length + 1) if day.replace(day=n).isoweekday() in rule.days_of_week]
    place = rule.nth - 1 if rule.nth > 0 else rule.nth
    return place < len(candidates) and day.day == candidates[place]


@given(rules, starts)
def test_a_rule_is_what_the_standard_says(rule, first):
    expected = list(islice(rrulestr(as_rfc_5545(rule, first), dtstart=first), 12))
    expected = [at for at in expected if at.year < 2900]

    assert [at.replace(tzinfo=None) for at in found(rule, first, most=len(expected))] == expected


@given(rules, starts)
def test_a_rule_is_what_a_walk_over_the_calendar_finds(rule, first):
    walked = [day for ahead in range(500) if fits(rule, first.date(), day := first.date() + timedelta(days=ahead))]

    end = first.date() + timedelta(days=499)
    assert [day for day in local_days(rule, first, most=len(walked) + 1) if day <= end] == walked


@given(rules, starts, st.sampled_from(CHANGING))
def test_no_occurrence_is_lost_or_doubled_where_clocks_change(rule, first, name):
    zone = ZoneInfo(name)
    named = [turn.named for turn in islice(turns(rule, first), MANY)]

    instants = found(rule, first, zone)

    assert len(instants) == len(named)
    assert all(before < after for before, after in pairwise(instants))
    for local, instant in zip(named, instants, strict=True):
        shown = instant.astimezone(zone).replace(tzinfo=None)
        exists = any(
            local.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
            for fold in (0, 1)
        )
        earlier = (instant - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
        assert shown == local if exists else earlier < local < shown
        assert not exists or instant == local.replace(tzinfo=zone, fold=0).astimezone(UTC)


@given(rules, st.datetimes(datetime(2026, 1, 1), datetime(2026, 6, 1)), open_days)
def test_what_falls_on_a_closed_day_is_left_out_or_moved_to_the_next_open_one(rule, first, days):
    first = first.replace(second=0, microsecond=0)
    plain = local_days(rule, first, most=200)
    left, opened = [day for day in plain if days.is_open(day)], sorted({days.first_open(day) for day in plain})

    skipped = local_days(Recurrence(**vars_of(rule), on_closed="skip"), first, days, most=20)
    moved = local_days(Recurrence(**vars_of(rule), on_closed="next_open_day"), first, days, most=20)

    assert skipped[: len(left)] == left[:20]
    assert moved[: len(opened)] == opened[:20]


def vars_of(rule: Recurrence) -> dict[str, object]:
    return {name: getattr(rule, name) for name in ("type", "interval", "days_of_week", "day_of_month", "nth")}


def test_the_day_on_which_clocks_spring_forward_has_its_occurrence_after_the_gap():
    instants = found(Recurrence("daily"), datetime(2026, 3, 7, 2, 30), NEW_YORK, most=3)

    assert [f"{at.astimezone(NEW_YORK):%d %H:%M}" for at in instants] == ["07 02:30", "08 03:00", "09 02:30"]


def test_an_hour_that_is_shown_twice_has_one_occurrence_the_first_time():
    instants = found(Recurrence("daily"), datetime(2026, 10, 31, 1, 30), NEW_YORK, most=3)

    assert [at.isoformat() for at in instants] == [
        "2026-10-31T05:30:00+00:00",
        "2026-11-01T05:30:00+00:00",
        "2026-11-02T06:30:00+00:00",
    ]


def test_a_day_that_a_zone_left_out_is_one_occurrence_with_the_day_after():
    samoa = ZoneInfo("Pacific/Apia")

    at_midnight = found(Recurrence("daily"), datetime(2011, 12, 29), samoa, most=3)

    assert [f"{at.astimezone(samoa):%m-%d %H:%M}" for at in at_midnight] == [
        "12-29 00:00",
        "12-31 00:00",
        "01-01 00:00",
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(Recurrence("monthly", day_of_month=31), [(1, 31), (3, 31), (5, 31)], id="months without a 31st"),
        pytest.param(Recurrence("monthly", day_of_month="last"), [(1, 31), (2, 28), (3, 31)], id="the last day"),
        pytest.param(Recurrence("monthly", days_of_week=(5,), nth=5), [(1, 30), (5, 29), (7, 31)], id="a fifth"),
        pytest.param(
            Recurrence("monthly", days_of_week=(1, 2, 3, 4, 5), nth=-1), [(1, 30), (2, 27), (3, 31)], id="last workday"
        ),
        pytest.param(Recurrence("weekly", days_of_week=(1, 3), count=3), [(1, 7), (1, 12), (1, 14)], id="count"),
        pytest.param(Recurrence("daily", until=date(2026, 1, 8)), [(1, 6), (1, 7), (1, 8)], id="a last day"),
        pytest.param(
            Recurrence("daily", until=datetime(2026, 1, 8, 9, 59)), [(1, 6), (1, 7)], id="a last time of the clock"
        ),
        pytest.param(
            Recurrence("daily", until=datetime(2026, 1, 8, 10, tzinfo=UTC)), [(1, 6), (1, 7), (1, 8)], id="an instant"
        ),
        pytest.param(
            Recurrence("daily", exceptions=frozenset({date(2026, 1, 7)}), count=2), [(1, 6), (1, 8)], id="an exception"
        ),
    ],
)
def test_days_of_a_rule(rule, expected):
    days = local_days(rule, datetime(2026, 1, 6, 10), most=3)

    assert [(day.month, day.day) for day in days] == expected


def test_an_end_holds_for_what_is_moved_too():
    rule = Recurrence("weekly", until=date(2026, 1, 11), on_closed="next_open_day")

    assert local_days(rule, datetime(2026, 1, 4, 10), SUNDAYS_OFF) == [date(2026, 1, 5)]


def test_what_is_moved_goes_round_exceptions_too():
    rule = Recurrence("weekly", exceptions=frozenset({date(2026, 1, 5)}), on_closed="next_open_day", count=1)

    assert local_days(rule, datetime(2026, 1, 4, 10), SUNDAYS_OFF) == [date(2026, 1, 6)]


def test_several_that_are_moved_to_one_day_are_one():
    rule = Recurrence("daily", on_closed="next_open_day", count=3)

    assert [day.day for day in local_days(rule, datetime(2026, 1, 4, 10), SUNDAYS_OFF)] == [5, 6, 7]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Recurrence("weekly", days_of_week=(7,), on_closed="skip"), id="always closed"),
        pytest.param(Recurrence("monthly", 12, day_of_month=30), id="the 30th of February"),
    ],
)
def test_a_rule_that_never_comes_up_ends(rule):
    assert local_days(rule, datetime(2026, 2, 1, 10), SUNDAYS_OFF) == []


def test_what_is_left_out_says_why():
    rule = Recurrence("daily", exceptions=frozenset({date(2026, 5, 2)}), on_closed="skip")

    left_out = [
        (turn.named.day, turn.why)
        for turn in islice(turns(rule, datetime(2026, 5, 1, 10), OpenDays(frozenset({3}), holidays="JP")), 6)
        if turn.falls is None
    ]

    assert left_out == [(2, "an exception"), (3, "Constitution Day"), (4, "Greenery Day"), (5, "Children's Day"),
                        (6, "closed on Wednesdays")]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Recurrence("daily"), "every day at 10:05"),
        (Recurrence("weekly"), "every week on Tuesday at 10:05"),
        (Recurrence("weekly", 2, (1, 3, 5)), "every 2 weeks on Monday, Wednesday and Friday at 10:05"),
        (Recurrence("weekly", 1, (1, 2, 3, 4, 5)), "every week on Monday to Friday at 10:05"),
        (Recurrence("monthly"), "every month on the 6th at 10:05"),
        (Recurrence("monthly", 3, day_of_month="last"), "every 3 months on the last day at 10:05"),
        (Recurrence("monthly", days_of_week=(2,), nth=2), "every month on the second Tuesday at 10:05"),
        (
            Recurrence("monthly", days_of_week=(1, 2, 3, 4, 5), nth=1),
            "every month on the first of Monday to Friday at 10:05",
        ),
        (Recurrence("daily", count=1), "every day at 10:05, once"),
        (
            Recurrence("daily", until=date(2026, 5, 1), count=1000, on_closed="skip"),
            "every day at 10:05, until 2026-05-01, 1,000 times at most, not on days without business",
        ),
        (
            Recurrence("daily", until=datetime(2026, 5, 1, 9, tzinfo=UTC), on_closed="next_open_day"),
            "every day at 10:05, until 2026-05-01 09:00 UTC, else on the next day with business",
        ),
        (
            Recurrence("daily", exceptions=frozenset({date(2026, 5, 2), date(2026, 5, 1)})),
            "every day at 10:05, not on 2026-05-01 and 2026-05-02",
        ),
    ],
)
def test_a_rule_in_words(rule, words):
    assert ", ".join([in_words(rule, datetime(2026, 1, 6, 10, 5)), *limits_in_words(rule)]) == words


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Recurrence("monthly", day_of_month=31), "months without a 31st are left out"),
        (Recurrence("monthly"), "months without a 29th are left out"),
        (Recurrence("monthly", days_of_week=(1,), nth=5), "months without a fifth are left out"),
        (Recurrence("monthly", day_of_month=28), ""),
        (Recurrence("weekly"), ""),
    ],
)
def test_what_one_may_not_expect_of_a_rule_is_said(rule, said):
    assert note(rule, datetime(2026, 1, 29, 10)).startswith(said)
    assert bool(note(rule, datetime(2026, 1, 29, 10))) == bool(said)


def test_a_time_that_is_counted_from_keeps_its_odd_second():
    first = datetime.combine(date(2026, 1, 6), time(10, 0, 7, 500))

    assert found(Recurrence("daily"), first, TOKYO, most=1) == [instant_of(first, TOKYO)]

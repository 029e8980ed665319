from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.campaigns.timing import (
    EVERYBODYS_HABIT,
    NO_HABIT,
    OWN_HABIT,
    PREFERRED,
    YIELDED,
    Timetable,
    Timing,
    timer,
)
from lumiere_sms.schedule.best_times import ENOUGH_OF_ALL, ENOUGH_OF_ONE, habit_of_hours
from lumiere_sms.schedule.days import ALWAYS_OPEN, OpenDays
from lumiere_sms.schedule.spreading import Slots
from lumiere_sms.schedule.windows import (
    DEFAULT_QUIET_HOURS,
    PROMOTIONAL_WINDOWS,
    REMINDER_WINDOWS,
    DailyWindow,
    SendWindows,
)

TOKYO = "Asia/Tokyo"
PROMOTIONAL = SendWindows(PROMOTIONAL_WINDOWS)
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)
DAY = timedelta(days=1)
PHONE = "+819012345678"


def at(text: str, zone: str = TOKYO) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def timing(wish: str = "16T09:00", *, preferred=None, zone=None, phone=PHONE, answers=(), **told) -> Timing | str:
    table = Timetable(**{"zone": TOKYO, "windows": PROMOTIONAL, "expires_after": None, **told})
    common, own = timer(table)
    found = common(at(wish), zone, preferred)
    return own(found, phone, answers) if table.is_personal and not isinstance(found, str) else found


# The rules once more, by minutes of the day, walked by the quarters of an hour at which all of the cases turn.


def minutes_of(window: DailyWindow) -> range:
    first = window.start.hour * 60 + window.start.minute
    return range(first, first + (window.end.hour * 60 + window.end.minute - first - 1) % 1440 + 1)


def is_inside(minute: int, window: DailyWindow) -> bool:
    return minute in minutes_of(window) or minute + 1440 in minutes_of(window)


def is_open(rules: SendWindows, preferred: DailyWindow | None, instant: datetime, zone: ZoneInfo) -> bool:
    local = instant.astimezone(zone)
    minute = local.hour * 60 + local.minute
    within = not rules.windows or any(is_inside(minute, window) for window in rules.windows)
    wanted = preferred is None or is_inside(minute, preferred)
    loud = rules.quiet is None or not is_inside(minute, rules.quiet)
    return within and wanted and loud and rules.open_days.is_open(local.date())


def meets(rules: SendWindows, preferred: DailyWindow) -> bool:
    everyday = SendWindows(rules.windows, rules.quiet)
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    return any(is_open(everyday, preferred, monday + n * QUARTER, ZoneInfo("UTC")) for n in range(96))


@cache
def changes(zone: str) -> list[datetime]:
    """The days from 2020 to 2040 on which a zone changes its offset."""
    place, start = ZoneInfo(zone), datetime(2020, 1, 1, tzinfo=UTC)
    days = [start + day * DAY for day in range(21 * 365)]
    offsets = [day.astimezone(place).utcoffset() for day in days]
    return [day for day, one, other in zip(days, offsets, offsets[1:], strict=False) if one != other] or [start]


ZONES = sorted(files("tzdata").joinpath("zones").read_text().split())
quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
daily_windows = st.builds(DailyWindow, quarters, quarters)
open_days = st.just(ALWAYS_OPEN) | st.builds(OpenDays, st.frozensets(st.integers(1, 7), max_size=3))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Timetable, str, datetime, str | None]:
    quiet = st.just(DEFAULT_QUIET_HOURS) | st.none() | daily_windows
    windows = draw(st.just(()) | st.just(PROMOTIONAL_WINDOWS) | st.lists(daily_windows, max_size=3).map(tuple))
    zone = draw(st.sampled_from(ZONES))
    habit = draw(st.none() | st.lists(st.integers(0, 23), min_size=ENOUGH_OF_ALL, max_size=40).map(habit_of_hours))
    table = Timetable(
        zone,
        SendWindows(windows, draw(quiet), draw(open_days)),
        draw(st.none() | st.integers(1, 72).map(lambda hours: timedelta(hours=hours))),
        draw(st.none() | st.just("spring")),
        habit,
    )
    wish = draw(st.sampled_from(changes(zone))) + draw(st.integers(-24 * 4, 36 * 4)) * QUARTER
    return table, zone, wish, draw(st.none() | daily_windows.filter(lambda window: window.start != window.end).map(str))


@settings(max_examples=200, deadline=None)
@given(cases(), st.lists(st.integers(0, 23), max_size=6))
def test_no_text_leaves_outside_what_is_open_for_its_person_in_any_zone_at_any_change_of_its_clocks(case, hours):
    table, zone, wish, preferred = case
    place, window = ZoneInfo(zone), DailyWindow.parse(preferred) if preferred else None
    answers = [datetime(2019, 7, 1, hour, 30, tzinfo=place) for hour in hours]
    common, own = timer(table)

    found = common(wish, zone, preferred)

    stop = wish + (table.expires_after or timedelta(days=8))
    quarters_of_it = [wish + n * QUARTER for n in range((stop - wish) // QUARTER)]
    usual = [quarter for quarter in quarters_of_it if is_open(table.windows, None, quarter, place)]
    wanted = [quarter for quarter in usual if window and is_open(table.windows, window, quarter, place)]
    narrows = bool(wanted) and meets(table.windows, window)
    if isinstance(found, str):
        assert (found, usual) == ("no_window", [])
        return
    assert found.preferred_time == (preferred if narrows else None)
    assert found.send_after == (wanted if narrows else usual)[0]
    mine = own(found, PHONE, answers)
    assert found.send_after <= mine.send_after < mine.expires_at == found.expires_at
    assert is_open(table.windows, window if narrows else None, mine.send_after, place)
    assert is_open(table.windows, window if narrows else None, mine.expires_at - MINUTE, place)


@pytest.mark.parametrize(
    ("preferred", "send_after", "expires_at", "kept", "notes"),
    [
        pytest.param(None, "16T09:00", "16T20:00", None, (), id="no preference"),
        pytest.param("10:00-18:00", "16T10:00", "16T16:00", "10:00-18:00", (PREFERRED,), id="inside two windows"),
        pytest.param("08:00-09:30", "16T09:00", "16T09:30", "08:00-09:30", (PREFERRED,), id="ends in a window"),
        pytest.param("18:30-23:00", "16T19:00", "16T20:00", "18:30-23:00", (PREFERRED,), id="the evening"),
        pytest.param("11:00-14:00", "16T09:00", "16T20:00", None, (YIELDED,), id="between the windows"),
        pytest.param("10:57-14:02", "16T09:00", "16T20:00", None, (YIELDED,), id="meets for three minutes"),
        pytest.param("22:00-23:00", "16T09:00", "16T20:00", None, (YIELDED,), id="at night"),
        pytest.param("25:00-26:00", "16T09:00", "16T20:00", None, (YIELDED,), id="no hours at all"),
    ],
)
def test_what_a_person_prefers_narrows_the_windows_where_they_meet(preferred, send_after, expires_at, kept, notes):
    assert timing(preferred=preferred) == Timing(TOKYO, at(send_after), at(expires_at), kept, notes)


def test_a_reminder_s_window_wins_over_hours_that_end_before_it():
    found = timing("16T08:00", windows=SendWindows(REMINDER_WINDOWS), preferred="10:00-18:00")

    assert (found.send_after, found.notes) == (at("16T18:00"), (YIELDED,))


def test_who_prefers_what_is_open_only_after_the_text_expires_is_not_left_out():
    found = timing("16T14:00", preferred="09:00-11:00", expires_after=timedelta(hours=3))

    assert (found.send_after, found.expires_at) == (at("16T14:00"), at("16T16:00"))
    assert (found.preferred_time, found.notes) == (None, (YIELDED,))


def test_what_is_urgent_waits_for_nobody_s_preference():
    found = timing("16T09:00", preferred="14:00-16:00", is_urgent=True)

    assert (found.send_after, found.preferred_time, found.notes) == (at("16T09:00"), None, ())


def test_who_prefers_the_morning_is_texted_the_next_one_where_there_is_time():
    found = timing("16T14:00", preferred="09:00-11:00")

    assert (found.send_after, found.expires_at) == (at("17T09:00"), at("17T11:00"))


def test_on_a_closed_day_nothing_leaves():
    closed = OpenDays(closed_weekdays=frozenset({1}), closed_days=frozenset({date(2026, 3, 17)}), holidays="JP")

    found = timing("16T10:00", windows=SendWindows(PROMOTIONAL_WINDOWS, open_days=closed))

    assert found.send_after == at("18T09:00")  # Monday, a day by itself; and the equinox is on the 20th
    assert timing("20T10:00", windows=SendWindows(open_days=closed)).send_after == at("21T08:00")


def test_what_is_closed_for_good_has_no_window():
    closed = OpenDays(closed_weekdays=frozenset(range(1, 8)))

    assert timing(windows=SendWindows(open_days=closed)) == "no_window"


def test_a_zone_that_does_not_exist_is_a_reason():
    assert timing(zone="Asia/Osaka") == "bad_timezone"


def answers(*hours: int) -> list[datetime]:
    return [datetime(2026, 2, 1 + day, hour, 20, tzinfo=ZoneInfo(TOKYO)) for day, hour in enumerate(hours)]


NOBODY = habit_of_hours([])
EVENING = habit_of_hours([19] * ENOUGH_OF_ALL)


@pytest.mark.parametrize(
    ("own", "all_", "send_after", "note"),
    [
        pytest.param((15,) * ENOUGH_OF_ONE, EVENING, "16T15:00", OWN_HABIT, id="enough of their own"),
        pytest.param((15,) * (ENOUGH_OF_ONE - 1), EVENING, "16T19:00", EVERYBODYS_HABIT, id="too few of their own"),
        pytest.param((3, 3, 3), EVENING, "16T19:00", EVERYBODYS_HABIT, id="at hours that are closed"),
        pytest.param((), habit_of_hours([19] * (ENOUGH_OF_ALL - 1)), "16T09:00", NO_HABIT, id="too few in all"),
        pytest.param((), NOBODY, "16T09:00", NO_HABIT, id="nobody ever answered"),
        pytest.param((8, 8, 8), NOBODY, "16T09:00", OWN_HABIT, id="beside an hour that is open"),
        pytest.param((9, 15, 9, 15), NOBODY, "16T09:00", OWN_HABIT, id="the earlier of two as good"),
        pytest.param((15, 15, 9, 9, 14), NOBODY, "16T15:00", OWN_HABIT, id="the one with more beside it"),
    ],
)
def test_a_learned_time_is_the_person_s_own_then_everybody_s_then_the_beginning_of_the_window(
    own, all_, send_after, note
):
    found = timing(answers=answers(*own), habit=all_)

    assert (found.send_after, found.notes) == (at(send_after), (note,))
    assert found.expires_at == at("16T20:00")


def test_a_learned_time_keeps_to_the_hours_that_a_person_prefers():
    found = timing(preferred="14:00-16:00", answers=answers(9, 9, 9), habit=EVENING)

    assert (found.send_after, found.notes) == (at("16T14:00"), (PREFERRED, NO_HABIT))
    two_days = {"preferred": "14:00-16:00", "habit": NOBODY, "expires_after": timedelta(days=2)}
    assert timing(answers=answers(9, 9, 9), **two_days).send_after == at("16T14:00")
    assert timing(spread_by="spring", **two_days).send_after.astimezone(ZoneInfo(TOKYO)).hour in {14, 15}


def test_what_is_spread_fills_the_open_time_evenly_and_each_person_keeps_a_place():
    people = [f"+8190{number:08}" for number in range(3_000)]

    first = [timing(phone=phone, spread_by="spring").send_after for phone in people]

    assert [timing(phone=phone, spread_by="spring").send_after for phone in people] == first
    assert [timing(phone=phone, spread_by="summer").send_after for phone in people] != first
    hours = [
        sum(at(hour) <= each < at(hour) + timedelta(hours=1) for each in first)
        for hour in ("16T09:00", "16T10:00", "16T14:00", "16T15:00", "16T19:00")
    ]
    assert sum(hours) == len(people)
    assert all(500 < count < 700 for count in hours)


def test_who_is_texted_at_a_learned_time_has_no_place_in_the_spread():
    found = timing(answers=answers(15, 15, 15), habit=NOBODY, spread_by="spring")

    assert found.send_after == at("16T15:00")


def test_where_nothing_is_open_there_is_no_place():
    assert Slots.of([]).at(0.5) is None

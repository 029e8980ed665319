from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.schedule.windows import DEFAULT_QUIET_HOURS, PROMOTIONAL_WINDOWS, DailyWindow, SendWindows, send_times

ZONES = sorted(files("tzdata").joinpath("zones").read_text().split())
TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")
ALWAYS = SendWindows(quiet=None)
NEVER = SendWindows((DailyWindow.parse("22:00-23:00"),))
MINUTE = timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = TOKYO, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def windows(*texts: str, quiet: str | None = "21:00-08:00") -> SendWindows:
    return SendWindows(tuple(map(DailyWindow.parse, texts)), DailyWindow.parse(quiet) if quiet else None)


# The rules once more, told by minutes of the day and walked minute by minute.


def shows_open(rules: SendWindows, instant: datetime, zone: ZoneInfo) -> bool:
    local = instant.astimezone(zone)
    minute = local.hour * 60 + local.minute

    def inside(window: DailyWindow) -> bool:
        first = window.start.hour * 60 + window.start.minute
        length = (window.end.hour * 60 + window.end.minute - first - 1) % 1440 + 1
        return (minute - first) % 1440 < length

    within = not rules.windows or any(map(inside, rules.windows))
    return within and not (rules.quiet and inside(rules.quiet))


def walk(start: datetime, stop: datetime):
    while start < stop:
        yield start
        start += MINUTE


quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
daily_windows = st.builds(DailyWindow, quarters, quarters)
rules_of_a_day = st.builds(
    SendWindows,
    st.lists(daily_windows, max_size=3).map(tuple),
    st.none() | st.just(DEFAULT_QUIET_HOURS) | daily_windows,
)


@st.composite
def instants_near_changes(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """Draw a zone and an instant, most of them within a day and a half of a change of its offset."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    start = datetime(draw(st.integers(1973, 2037)), 1, 1, tzinfo=UTC)
    hours = (start + timedelta(hours=hour) for hour in range(0, 366 * 24, 24))
    days = [
        day
        for day in hours
        if day.astimezone(zone).utcoffset() != (day + timedelta(days=1)).astimezone(zone).utcoffset()
    ]
    near = draw(st.sampled_from(days or [start]))
    return zone, near + timedelta(minutes=draw(st.integers(-12 * 60, 36 * 60)))


@settings(max_examples=200, deadline=None)
@given(instants_near_changes(), rules_of_a_day)
def test_the_first_open_instant_is_the_first_minute_whose_clock_is_inside_the_rules(case, rules):
    zone, instant = case

    found = rules.first_open(instant, zone)

    minutes = walk(instant, instant + timedelta(days=3))
    assert found == next((minute for minute in minutes if shows_open(rules, minute, zone)), None)
    assert rules.is_open(instant, zone) == shows_open(rules, instant, zone)


@settings(max_examples=150, deadline=None)
@given(instants_near_changes(), rules_of_a_day)
def test_an_open_span_ends_at_the_first_minute_whose_clock_is_outside_the_rules(case, rules):
    zone, instant = case
    opens = rules.first_open(instant, zone)
    if opens is None:
        return

    closes = rules.closes_at(opens, zone)

    minutes = walk(opens, opens + timedelta(days=2))
    assert closes == next((m for m in minutes if not shows_open(rules, m, zone)), opens + timedelta(days=1))


@settings(max_examples=150, deadline=None)
@given(instants_near_changes(), rules_of_a_day, st.integers(1, 60 * 60))
def test_the_last_open_end_before_a_deadline_follows_its_last_open_minute(case, rules, minutes):
    zone, after = case
    deadline = after + timedelta(minutes=minutes)

    found = rules.last_open_before(deadline, zone, after=after)

    usable = [minute for minute in walk(after, deadline) if shows_open(rules, minute, zone)]
    assert found == (usable[-1] + MINUTE if usable else None)


@settings(max_examples=150, deadline=None)
@given(
    instants_near_changes(), rules_of_a_day, st.none() | st.integers(1, 3 * 1440).map(lambda n: timedelta(minutes=n))
)
def test_what_may_go_goes_in_the_open_and_expires_where_the_open_ends(case, rules, expires_after):
    zone, wish = case

    found = send_times(wish, windows=rules, zone=zone, expires_after=expires_after)

    if found is None:
        deadline = wish + (expires_after or timedelta(days=3))
        assert not any(shows_open(rules, minute, zone) for minute in walk(wish, deadline))
        return
    send_after, expires_at = found
    assert wish <= send_after < expires_at
    assert shows_open(rules, send_after, zone)
    assert shows_open(rules, expires_at - MINUTE, zone)
    assert expires_after is None or expires_at <= wish + expires_after


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("09:00-11:00", time(9), time(11)),
        ("9:00 - 11:30", time(9), time(11, 30)),
        ("21:00-08:00", time(21), time(8)),
        ("18:00-24:00", time(18), time(0)),
        ("00:00-24:00", time(0), time(0)),
    ],
)
def test_windows_are_read(text, start, end):
    assert DailyWindow.parse(text) == DailyWindow(start, end)


@pytest.mark.parametrize("text", ["09:00-11:00", "21:00-08:00", "18:00-24:00", "00:00-24:00"])
def test_a_window_is_written_as_it_is_read(text):
    assert str(DailyWindow.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", '"" is not a window of the day; write HH:MM-HH:MM'),
        ("9-11", '"9-11" is not a window of the day'),
        ("09:00", "is not a window of the day"),
        ("25:00-26:00", '"25:00" is not a time of day'),
        ("09:00-11:60", '"11:60" is not a time of day'),
        ("24:00-08:00", '"24:00" is not a time of day'),
        ("09:00-24:30", '"24:30" is not a time of day'),
        ("09:00-09:00", '"09:00-09:00" has no length; write 00:00-24:00 for the whole day'),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        DailyWindow.parse(text)


@pytest.mark.parametrize(
    ("rules", "instant", "opens"),
    [
        pytest.param(SendWindows(), "2026-03-15T10:00", "2026-03-15T10:00", id="open now"),
        pytest.param(SendWindows(), "2026-03-15T21:00", "2026-03-16T08:00", id="quiet hours begin"),
        pytest.param(SendWindows(), "2026-03-15T02:00", "2026-03-15T08:00", id="quiet hours after midnight"),
        pytest.param(SendWindows(), "2026-03-15T20:59:59.9", "2026-03-15T20:59:59.9", id="the last moment"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "2026-03-15T11:00", "2026-03-15T14:00", id="between windows"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "2026-03-15T20:00", "2026-03-16T09:00", id="after the last"),
        pytest.param(windows("07:00-09:00"), "2026-03-15T06:00", "2026-03-15T08:00", id="quiet hours cut a window"),
        pytest.param(windows("20:00-09:00"), "2026-03-15T22:00", "2026-03-16T08:00", id="both cross midnight"),
    ],
)
def test_when_a_text_may_first_go(rules, instant, opens):
    assert rules.first_open(at(instant), TOKYO) == at(opens)


@pytest.mark.parametrize("rules", [NEVER, windows(quiet="00:00-24:00")], ids=["window in quiet hours", "always quiet"])
def test_rules_that_leave_nothing_open_say_so(rules):
    assert rules.first_open(at("2026-03-15T10:00"), TOKYO) is None
    assert rules.last_open_before(at("2026-03-25T10:00"), TOKYO, after=at("2026-03-15T10:00")) is None
    assert send_times(at("2026-03-15T10:00"), windows=rules, zone=TOKYO, expires_after=None) is None


def test_asking_when_a_closed_moment_closes_is_an_error():
    with pytest.raises(ValueError, match="nothing is open at 2026-03-15T14:00"):
        SendWindows().closes_at(at("2026-03-15T23:00"), TOKYO)


@pytest.mark.parametrize(
    ("rules", "wish", "expires_after", "send_after", "expires_at"),
    [
        pytest.param(SendWindows(), "15T10:00", None, "15T10:00", "15T21:00", id="quiet hours end the day"),
        pytest.param(SendWindows(), "15T22:00", None, "16T08:00", "16T21:00", id="it goes tomorrow"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "15T09:30", None, "15T09:30", "15T20:00", id="the day's last"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "15T19:30", None, "15T19:30", "15T20:00", id="in the last"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "15T09:30", 6, "15T09:30", "15T15:30", id="the deadline cuts"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "15T09:30", 4, "15T09:30", "15T11:00", id="deadline in a break"),
        pytest.param(SendWindows(PROMOTIONAL_WINDOWS), "15T09:30", 48, "15T09:30", "17T09:30", id="over days"),
        pytest.param(windows("20:00-02:00", quiet=None), "15T20:00", None, "15T20:00", "16T02:00", id="past midnight"),
        pytest.param(ALWAYS, "15T23:59", None, "15T23:59", "16T23:59", id="no rules: a day"),
    ],
)
def test_from_when_and_until_when(rules, wish, expires_after, send_after, expires_at):
    after = timedelta(hours=expires_after) if expires_after else None

    found = send_times(at(f"2026-03-{wish}"), windows=rules, zone=TOKYO, expires_after=after)

    assert found == (at(f"2026-03-{send_after}"), at(f"2026-03-{expires_at}"))


def test_a_deadline_before_the_first_open_instant_leaves_no_time():
    wish = at("2026-03-15T22:00")

    assert send_times(wish, windows=SendWindows(), zone=TOKYO, expires_after=timedelta(hours=10)) is None
    assert send_times(wish, windows=SendWindows(), zone=TOKYO, expires_after=timedelta(hours=10, seconds=1)) is not None


def test_instants_come_back_in_utc_whatever_zone_they_were_given_in():
    wish = datetime(2026, 3, 15, 10, tzinfo=TOKYO)

    send_after, expires_at = send_times(wish, windows=SendWindows(), zone=NEW_YORK, expires_after=None)

    assert (send_after.tzinfo, expires_at.tzinfo) == (UTC, UTC)


def test_a_window_inside_a_gap_does_not_open_that_day():
    rules = windows("02:15-02:45", quiet=None)

    assert rules.first_open(at("2026-03-08T00:00", NEW_YORK), NEW_YORK) == at("2026-03-09T02:15", NEW_YORK)


def test_an_hour_shown_twice_is_quiet_both_times():
    rules = windows(quiet="22:00-01:30")
    first_end, second_end = at("2026-11-01T01:30", NEW_YORK), at("2026-11-01T01:30", NEW_YORK, fold=1)

    assert rules.first_open(at("2026-11-01T00:00", NEW_YORK), NEW_YORK) == first_end
    assert rules.closes_at(first_end, NEW_YORK) == at("2026-11-01T01:00", NEW_YORK, fold=1)
    assert rules.first_open(at("2026-11-01T01:00", NEW_YORK, fold=1), NEW_YORK) == second_end

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.schedule.instants import constant_stretches, instant_of, parse_duration, resolve_zone

ZONES = sorted(files("tzdata").joinpath("zones").read_text().split())


def changes_of(zone: ZoneInfo, year: int) -> list[datetime]:
    """Find every change of offset in a year the slow way: hour by hour, then minute by minute."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    found = []
    for hour in range(366 * 24):
        before, after = start + timedelta(hours=hour), start + timedelta(hours=hour + 1)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            minutes = (before + timedelta(minutes=minute) for minute in range(1, 61))
            found.append(
                next(m for m in minutes if m.astimezone(zone).utcoffset() != before.astimezone(zone).utcoffset())
            )
    return found


@st.composite
def wall_times_near_changes(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    changes = changes_of(zone, draw(st.integers(1973, 2037))) or [datetime(2026, 3, 15, tzinfo=UTC)]
    near = draw(st.sampled_from(changes)) + timedelta(minutes=draw(st.integers(-26 * 60, 26 * 60)))
    return zone, near.astimezone(zone).replace(tzinfo=None, fold=0)


def first_instant_not_before(local: datetime, zone: ZoneInfo) -> datetime:
    """Walk the minutes of two days until the clocks first show `local`, else a time past a gap over it."""
    minute = local.replace(tzinfo=UTC) - timedelta(hours=38)
    previous = minute.astimezone(zone).replace(tzinfo=None)
    while True:
        shown = minute.astimezone(zone).replace(tzinfo=None, fold=0)
        if shown == local or previous < local < shown:
            return minute
        previous = shown
        minute += timedelta(minutes=1)


@settings(max_examples=150, deadline=None)
@given(wall_times_near_changes())
def test_a_wall_time_becomes_the_first_instant_that_shows_it_or_follows_its_gap(case):
    zone, local = case

    found = instant_of(local, zone)

    assert found == first_instant_not_before(local, zone)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        pytest.param("Asia/Tokyo", "2026-03-15T10:00", "2026-03-15T01:00+00:00", id="no change of offset"),
        pytest.param("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00+00:00", id="inside a gap"),
        pytest.param("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30+00:00", id="shown twice: the first"),
        pytest.param("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30+00:00", id="a gap of 30 minutes"),
        pytest.param("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00+00:00", id="a day that never was"),
        pytest.param("America/Havana", "2026-11-01T00:30", "2026-11-01T04:30+00:00", id="midnight shown twice"),
    ],
)
def test_gaps_and_repeated_hours(zone, local, instant):
    assert instant_of(datetime.fromisoformat(local), ZoneInfo(zone)) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("year", [1, 1969, 3000, 9999])
def test_years_outside_the_calendar_of_zones_are_refused(year):
    with pytest.raises(ValueError, match=f"the year {year} is not between 1970 and 2999"):
        instant_of(datetime.fromisoformat(f"{year:04}-01-01"), ZoneInfo("America/New_York"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 128 * 366).map(timedelta))
def test_each_stretch_has_one_offset_and_they_join(name, since):
    zone = ZoneInfo(name)
    start = datetime(1972, 1, 8, tzinfo=UTC) + since

    pieces = list(constant_stretches(start, start + timedelta(days=9), zone=zone))

    assert [piece[0] for piece in pieces[1:]] == [piece[1] for piece in pieces[:-1]]
    assert (pieces[0][0], pieces[-1][1]) == (start, start + timedelta(days=9))
    for begin, end in pieces:
        inside = [begin, begin + (end - begin) / 2, end - timedelta.resolution]
        assert len({instant.astimezone(zone).utcoffset() for instant in inside}) == 1


@pytest.mark.parametrize("name", ["Asia/Tokyo", "UTC", "Europe/Kiev", "Asia/Calcutta", "US/Pacific"])
def test_names_of_the_database_are_zones_deprecated_ones_too(name):
    assert resolve_zone(name).key == name


@pytest.mark.parametrize(
    ("written", "guess"),
    [
        pytest.param("Asia/Osaka", "Asia/Tokyo", id="a city without a zone"),
        pytest.param("asia/tokyo", "Asia/Tokyo", id="lower case"),
        pytest.param("Tokyo", "Asia/Tokyo", id="a city alone"),
        pytest.param("JST", "Asia/Tokyo", id="an abbreviation"),
        pytest.param("Asia/Tokio", "Asia/Tokyo", id="a slip"),
        pytest.param("America/San Francisco", "America/Los_Angeles", id="a space"),
        pytest.param("Europa/Stockholmm", "Europe/Stockholm", id="two slips"),
        pytest.param("GMT/Stokholm", "Europe/Stockholm", id="a slip in the city, another region"),
    ],
)
def test_unknown_zones_get_a_guess(written, guess):
    with pytest.raises(ValueError, match=f'there is no time zone "{written}"; did you mean {guess}\\?'):
        resolve_zone(written)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Asia", "localtime", "posixrules"])
def test_names_far_from_every_zone_are_refused_without_a_guess(name):
    with pytest.raises(ValueError, match=r'there is no time zone "[^;]*"$'):
        resolve_zone(name)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("1h30m", timedelta(minutes=90)),
        (" 1d 12h ", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("45s", timedelta(seconds=45)),
        ("366d", timedelta(days=366)),
    ],
)
def test_durations(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "90", "h", "1.5h", "30m1h", "-1h", "1 hour", "0m", "367d", "9" * 50 + "d", "\uff11h"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0m", "367d", "99999d", "9" * 5000 + "d"])
def test_a_duration_that_is_none_or_too_long_is_told_the_bounds(text):
    with pytest.raises(ValueError, match="between one second and 366 days"):
        parse_duration(text)

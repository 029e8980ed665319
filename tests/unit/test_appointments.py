from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.schedule.appointments import Offset, midnight_after
from lumiere_sms.schedule.windows import REMINDER_WINDOWS, SendWindows, send_times

ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns")
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 21 * 366 * 1440).map(lambda minutes: FIRST + timedelta(minutes=minutes))


@settings(max_examples=150)
@given(appointment=INSTANTS, days=st.integers(1, 60), zone=st.sampled_from(ZONES))
def test_days_before_are_days_of_the_calendar_of_whoever_is_reminded(appointment, days, zone):
    place = ZoneInfo(zone)

    wish = Offset(timedelta(days=days)).wish(appointment, place)

    assert wish.astimezone(place).date() <= appointment.astimezone(place).date() - timedelta(days=days - 1)
    assert abs((appointment.astimezone(place).date() - wish.astimezone(place).date()).days - days) <= (
        zone == "Pacific/Apia"
    )


@settings(max_examples=150)
@given(appointment=INSTANTS, minutes=st.integers(15, 86_400), zone=st.sampled_from(ZONES))
def test_no_appointment_behind_the_horizon_is_wished_for_before_its_end(appointment, minutes, zone):
    offset = Offset(timedelta(minutes=minutes))
    until = appointment - timedelta(days=3)

    wishes = offset.wish(offset.horizon(until) + timedelta(seconds=1), ZoneInfo(zone))

    assert wishes >= until


@settings(max_examples=100)
@given(appointment=INSTANTS, zone=st.sampled_from(ZONES))
def test_the_reminder_of_the_day_before_goes_between_six_and_seven_of_that_day(appointment, zone):
    place, offset = ZoneInfo(zone), Offset(timedelta(days=1))

    times = send_times(
        offset.wish(appointment, place),
        windows=SendWindows(REMINDER_WINDOWS),
        zone=place,
        expires_after=offset.patience(None),
    )

    assert times is not None
    leaves, ends = (each.astimezone(place) for each in times)
    assert (leaves.time(), ends.time()) == (time(18), time(19))
    assert ends < appointment.astimezone(place)


@pytest.mark.parametrize(
    ("before", "expires_after", "patience"),
    [
        pytest.param(timedelta(days=1), None, None, id="its day"),
        pytest.param(timedelta(days=1), timedelta(hours=30), timedelta(hours=30), id="as long as it says"),
        pytest.param(timedelta(hours=2), None, timedelta(hours=2), id="until it begins"),
        pytest.param(timedelta(hours=2), timedelta(hours=1), timedelta(hours=1), id="less than that"),
        pytest.param(timedelta(hours=2), timedelta(hours=9), timedelta(hours=2), id="not beyond it"),
    ],
)
def test_how_long_a_reminder_is_worth_sending(before, expires_after, patience):
    assert Offset(before).patience(expires_after) == patience


@settings(max_examples=100)
@given(instant=INSTANTS, zone=st.sampled_from(ZONES))
def test_midnights_follow_each_other_and_each_begins_a_day(instant, zone):
    place = ZoneInfo(zone)

    following = midnight_after(instant, place)

    assert following > instant
    assert following.astimezone(place).date() > instant.astimezone(place).date()
    assert (following - timedelta(seconds=1)).astimezone(place).date() < following.astimezone(place).date()

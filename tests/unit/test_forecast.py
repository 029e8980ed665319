from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.schedule.departures import DailyLimit, Queue, forecast, together
from lumiere_sms.schedule.windows import PROMOTIONAL_WINDOWS, DailyWindow, SendWindows

TOKYO, LONDON = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/London")
TEN = datetime(2026, 3, 16, 1, tzinfo=UTC)  # in Tokyo; 01:00 in London
DAYTIME = SendWindows()
EACH = timedelta(seconds=1)  # from one part to the next


def queue(parts, *, zone=TOKYO, opens_at=TEN, hours=11, recipients=None):
    return Queue(zone, opens_at, opens_at + timedelta(hours=hours), recipients or parts, parts)


def test_the_last_text_leaves_when_all_parts_have():
    expected = forecast([queue(3600)], windows=DAYTIME, parts_per_second=1)

    assert (expected.starts_at, expected.finishes_at, expected.expired) == (TEN, TEN + timedelta(hours=1) - EACH, 0)


def test_sending_rests_between_windows():
    windows = SendWindows(PROMOTIONAL_WINDOWS)

    expected = forecast([queue(5400)], windows=windows, parts_per_second=1)  # one hour is left until 11:00

    assert expected.finishes_at == TEN + timedelta(hours=4, minutes=30) - EACH  # 14:00 and half an hour


def test_what_is_left_at_the_end_expires():
    expected = forecast([queue(7200, hours=1, recipients=3600)], windows=DAYTIME, parts_per_second=1)

    assert (expected.finishes_at, expected.expired) == (TEN + timedelta(hours=1) - 2 * EACH, 1800)


def test_a_zone_that_sleeps_does_not_keep_another_from_sending():
    sleeping = queue(600, zone=LONDON, opens_at=TEN + timedelta(hours=7))
    awake = queue(600)

    expected = forecast([sleeping, awake], windows=DAYTIME, parts_per_second=1)

    assert expected.starts_at == TEN
    assert expected.finishes_at == TEN + timedelta(hours=7, minutes=10) - EACH


def test_a_zone_whose_window_opens_again_goes_on_before_later_ones():
    windows = SendWindows((DailyWindow.parse("09:00-11:00"), DailyWindow.parse("14:00-16:00")))
    first = queue(3600 + 1800, hours=8)  # an hour until 11:00, half an hour from 14:00 in Tokyo
    other = queue(7200, zone=ZoneInfo("Australia/Perth"), opens_at=TEN + timedelta(hours=1), hours=7)

    expected = forecast([first, other], windows=windows, parts_per_second=1)

    assert expected.expired == 0
    assert expected.finishes_at == TEN + timedelta(hours=6) - EACH  # 15:00 in Perth: after Tokyo's half hour


def test_nobody_to_text_takes_no_time():
    expected = forecast([], windows=DAYTIME, parts_per_second=1)

    assert (expected.starts_at, expected.finishes_at, expected.expired) == (None, None, 0)


def test_a_queue_that_ends_before_it_opens_expires_whole():
    expected = forecast([queue(5, hours=-1)], windows=DAYTIME, parts_per_second=1)

    assert (expected.starts_at, expected.expired) == (None, 5)


@given(
    parts=st.lists(st.integers(1, 50_000), min_size=1, max_size=3),
    rate=st.floats(0.1, 1000),
    hours=st.integers(1, 60),
    hour=st.integers(0, 23),
)
def test_more_pace_never_finishes_later_nor_loses_more(parts, rate, hours, hour):
    zones = (TOKYO, LONDON, ZoneInfo("America/New_York"))
    opens_at = datetime(2026, 3, 16, hour, tzinfo=UTC)
    queues = [queue(each, zone=zone, opens_at=opens_at, hours=hours) for each, zone in zip(parts, zones, strict=False)]

    slow = forecast(queues, windows=DAYTIME, parts_per_second=rate)
    fast = forecast(queues, windows=DAYTIME, parts_per_second=rate * 2)

    assert 0 <= fast.expired <= slow.expired + len(queues)
    assert slow.expired <= sum(parts)
    if not slow.expired and slow.finishes_at:
        assert fast.finishes_at <= slow.finishes_at


def test_nothing_leaves_in_the_last_moments_of_a_window():
    windows = SendWindows(PROMOTIONAL_WINDOWS)

    expected = forecast([queue(5400)], windows=windows, parts_per_second=1, usable=timedelta(minutes=2))

    assert [stretch.texts for stretch in expected.stretches] == [58 * 60, 32 * 60]
    assert expected.finishes_at == TEN + timedelta(hours=4, minutes=32) - EACH


def test_a_text_that_would_go_in_the_last_moments_waits_for_the_next_window():
    windows = SendWindows(PROMOTIONAL_WINDOWS)
    late = queue(1, opens_at=TEN + timedelta(minutes=59))

    expected = forecast([late], windows=windows, parts_per_second=1, usable=timedelta(minutes=2))

    assert expected.starts_at == TEN + timedelta(hours=4)


def test_a_day_takes_its_parts_and_the_next_day_goes_on():
    daily = DailyLimit(1000, TOKYO, used_on=date(2026, 3, 16), used=400)

    expected = forecast([queue(1500, hours=40)], windows=DAYTIME, parts_per_second=1, daily=daily)

    assert [stretch.texts for stretch in expected.stretches] == [600, 900]
    assert expected.stretches[1].starts_at == TEN + timedelta(hours=22)  # 8:00 of the next day: midnight is quiet


def test_a_text_that_is_larger_than_a_day_never_goes():
    expected = forecast([queue(6, recipients=2)], windows=DAYTIME, parts_per_second=1, daily=DailyLimit(2, TOKYO))

    assert (expected.starts_at, expected.expired) == (None, 2)


def test_people_with_windows_of_their_own_wait_for_them():
    evening = replace(queue(60), windows=SendWindows((DailyWindow.parse("18:00-19:00"),)))

    expected = forecast([evening, queue(60)], windows=DAYTIME, parts_per_second=1)

    assert [stretch.starts_at for stretch in expected.stretches] == [TEN, TEN + timedelta(hours=8)]


def test_forecasts_side_by_side_start_with_the_first_and_finish_with_the_last():
    slow = forecast([queue(600)], windows=DAYTIME, parts_per_second=0.5)
    fast = forecast([queue(600, opens_at=TEN + timedelta(minutes=1))], windows=DAYTIME, parts_per_second=10)

    both = together([slow, fast, forecast([], windows=DAYTIME, parts_per_second=1)])

    assert (both.starts_at, both.finishes_at, both.expired) == (slow.starts_at, slow.finishes_at, 0)
    assert sum(stretch.texts for stretch in both.stretches) == 1200

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.planning.slots import MOST_SLOTS, slots_of
from lumiere_sms.schedule.departures import Forecast, Stretch

TEN = datetime(2026, 3, 16, 1, tzinfo=UTC)  # in Tokyo
MINUTE = timedelta(minutes=1)


def forecast(*stretches):
    return Forecast(stretches[0].starts_at, max(each.last_at for each in stretches), 0, stretches)


def test_each_slot_holds_what_leaves_in_it():
    found = forecast(Stretch(TEN, texts=1500, seconds=1.0, parts=2.0))

    slots = slots_of(found, zone="Asia/Tokyo")

    assert [(slot.starts_at - TEN, slot.texts, slot.parts, slot.done) for slot in slots[:2]] == [
        (timedelta(0), 300, 600, 300),
        (5 * MINUTE, 300, 600, 600),
    ]
    assert slots[-1].done == 1500


def test_slots_begin_on_round_times_of_the_zones_clock():
    late = TEN + timedelta(minutes=7)
    found = forecast(Stretch(late, texts=100, seconds=60.0, parts=1.0))

    tokyo, kathmandu = (slots_of(found, zone=zone) for zone in ("Asia/Tokyo", "Asia/Kathmandu"))

    assert tokyo[0].starts_at == TEN + 5 * MINUTE
    assert tokyo[0].texts == 3
    assert kathmandu[0].starts_at == TEN + 5 * MINUTE  # 06:50 there


def test_a_pause_between_windows_has_no_slots():
    found = forecast(Stretch(TEN, 2, 60.0, 1.0), Stretch(TEN + timedelta(hours=4), 1, 60.0, 1.0))

    assert [slot.texts for slot in slots_of(found, zone="Asia/Tokyo")] == [1, 1, 1]


def test_nothing_leaves_in_no_slots():
    assert slots_of(Forecast(None, None, 5), zone="Asia/Tokyo") == ()


@given(
    texts=st.lists(st.integers(1, 100_000), min_size=1, max_size=4),
    seconds=st.floats(0.01, 600),
    offset=st.integers(0, 200_000),
    zone=st.sampled_from(["Asia/Tokyo", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"]),
)
def test_no_text_is_lost_or_counted_twice_and_slots_are_few_or_days(texts, seconds, offset, zone):
    start = TEN + timedelta(seconds=offset)
    stretches = [Stretch(start + timedelta(days=2 * place), each, seconds, 1.5) for place, each in enumerate(texts)]

    slots = slots_of(forecast(*stretches), zone=zone)

    assert sum(slot.texts for slot in slots) == slots[-1].done == sum(texts)
    assert len(slots) <= MOST_SLOTS or slots[0].ends_at - slots[0].starts_at == timedelta(days=1)
    assert all(before.ends_at <= after.starts_at for before, after in pairwise(slots))


@pytest.mark.parametrize(
    ("instant", "count"),
    [(TEN, 0), (TEN + timedelta(seconds=1), 1), (TEN + MINUTE, 1), (TEN + 2 * MINUTE, 2), (TEN + 99 * MINUTE, 3)],
)
def test_a_stretch_counts_what_leaves_before_an_instant(instant, count):
    assert Stretch(TEN, texts=3, seconds=60.0, parts=1.0).before(instant) == count

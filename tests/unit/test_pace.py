from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.sending.pace import Bucket, Daily, Throttle, burst_for

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
GRACE = timedelta(seconds=0.1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_an_unused_bucket_holds_its_burst():
    assert Bucket(20).available(NOW) == 5


def test_what_was_taken_comes_back_at_the_pace():
    bucket = Bucket(2).charge(1, NOW)

    assert bucket.available(NOW) == 0
    assert bucket.ready_in(NOW) == pytest.approx(0.5)
    assert bucket.available(after(0.5)) == 1


def test_a_long_text_passes_a_burst_of_one_and_leaves_a_debt():
    bucket = Bucket(1).charge(3, NOW)

    assert bucket.available(after(2)) == 0
    assert bucket.available(after(3)) == 1


def test_a_bucket_never_saves_more_than_its_burst():
    bucket = Bucket(1).charge(1, NOW)

    assert bucket.available(after(86400)) == 1


@pytest.mark.parametrize(
    ("rate", "burst"), [pytest.param(1, 1, id="a long code"), pytest.param(100, 25, id="a short code")]
)
def test_the_burst_is_a_quarter_second_and_one_part_at_least(rate, burst):
    assert burst_for(rate) == burst


def test_a_bucket_that_owed_nothing_is_charged_from_the_end_of_the_grace():
    bucket = Bucket(1).charge(1, NOW, grace=GRACE)

    assert bucket.ready_in(NOW) == pytest.approx(1.1)


def test_what_an_arm_left_of_its_grace_comes_back():
    bucket = Bucket(1).charge(1, NOW, grace=GRACE).forgive(1, NOW, early=timedelta(seconds=0.08))

    assert bucket.ready_in(NOW) == pytest.approx(1.02)


def test_what_was_taken_and_not_used_comes_back_until_somebody_else_has_paid_for_it():
    alone = Bucket(20).charge(5, NOW, grace=GRACE).refund(5, NOW)
    followed = Bucket(20).charge(5, NOW, grace=GRACE).charge(2, after(0.2), grace=GRACE).refund(5, NOW)
    outlived = Bucket(20).charge(5, NOW, grace=GRACE).charge(5, after(9), grace=GRACE).refund(5, NOW)

    assert alone.ready_in(NOW) == 0
    assert followed.tat == after(0.2) + GRACE + timedelta(seconds=2 / 20)
    assert outlived.tat == after(9) + GRACE + timedelta(seconds=5 / 20)


claims = st.lists(
    st.tuples(
        st.floats(0, 2),  # seconds since the one before
        st.integers(1, 8),  # parts
        st.floats(0, 0.1),  # seconds until it is armed
        st.sampled_from(["armed", "armed", "armed", "given back"]),
        st.sampled_from(["told", "not told"]),
    ),
    min_size=1,
    max_size=60,
)


@given(rate=st.floats(0.1, 200), claims=claims)
def test_no_window_holds_more_than_its_share_and_one_burst_at_the_arm(rate, claims):
    bucket, now, armed = Bucket(rate), NOW, []
    events = []
    for wait, parts, delay, fate, told in claims:
        now += timedelta(seconds=wait)
        for at, change in sorted((event for event in events if event[0] <= now), key=lambda event: event[0]):
            bucket = change(bucket)
            events.remove((at, change))
        if bucket.available(now) < min(parts, int(bucket.burst)):
            continue
        bucket = bucket.charge(parts, now, grace=GRACE)
        leaves = now + timedelta(seconds=delay)
        if fate == "armed":
            armed.append((leaves, parts))
        if told == "told":
            events.append((leaves, _change(fate, parts, now, early=GRACE - timedelta(seconds=delay))))

    for start, _ in armed:
        for end, _ in armed:
            inside = sum(parts for at, parts in armed if start <= at <= end)
            allowed = rate * (end - start).total_seconds() + max(burst_for(rate), 8)
            assert inside <= allowed + 1e-3 or end < start


def _change(fate, parts, charged_at, *, early):
    if fate == "armed":
        return lambda bucket: bucket.forgive(parts, charged_at, early=early)
    return lambda bucket: bucket.refund(parts, charged_at)


def test_a_day_lets_exactly_its_parts_go_and_begins_anew_at_midnight_of_its_zone():
    daily = Daily(5, "Asia/Tokyo").charge(3, NOW).charge(2, NOW)

    assert (daily.used(NOW), daily.left(NOW)) == (5, 0)
    assert daily.left(datetime(2026, 3, 15, 15, 0, tzinfo=UTC)) == 5
    assert daily.charge(1, datetime(2026, 3, 15, 15, 0, tzinfo=UTC)) == Daily(5, "Asia/Tokyo", date(2026, 3, 16), 1)


def test_what_could_leave_after_midnight_is_not_taken_before_it():
    daily = Daily(5, "Asia/Tokyo")
    midnight = datetime(2026, 3, 15, 15, 0, tzinfo=UTC)

    assert daily.left(midnight - timedelta(seconds=0.05), grace=GRACE) == 0
    assert daily.left(midnight - timedelta(seconds=0.15), grace=GRACE) == 5


def test_a_day_without_a_limit_is_counted_all_the_same():
    daily = Daily(None, "UTC").charge(7, NOW)

    assert (daily.used(NOW), daily.left(NOW)) == (7, None)


def test_refusals_cut_the_pace_once_a_second_and_never_below_a_fifth_of_a_part():
    throttle = Throttle(100).cut(NOW).cut(after(0.5)).cut(after(1))

    assert throttle.at(after(1)) == pytest.approx(49)
    for second in range(2, 60):
        throttle = throttle.cut(after(second))
    assert throttle.at(after(60)) == 0.2


def test_a_pace_that_is_set_below_the_floor_is_not_raised_by_a_refusal():
    assert Throttle(0.1).cut(NOW).at(NOW) == 0.1


def test_five_clean_seconds_later_the_pace_comes_back_by_a_fiftieth_a_second_up_to_what_is_set():
    throttle = Throttle(100).cut(NOW)

    assert [throttle.at(after(seconds)) for seconds in (5, 6, 15, 60)] == pytest.approx([70, 72, 90, 100])

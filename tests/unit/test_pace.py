from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.sending.pace import Bucket, burst_for

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)


def test_an_unused_bucket_holds_its_burst():
    assert Bucket(20, 5).available(NOW) == 5


def test_what_was_taken_comes_back_at_the_pace():
    bucket = Bucket(2, 1).charge(1, NOW)

    assert bucket.available(NOW) == 0
    assert bucket.ready_in(NOW) == pytest.approx(0.5)
    assert bucket.available(NOW + timedelta(seconds=0.5)) == 1


def test_a_long_text_passes_a_burst_of_one_and_leaves_a_debt():
    bucket = Bucket(1, 1).charge(3, NOW)

    assert bucket.available(NOW + timedelta(seconds=2)) == 0
    assert bucket.available(NOW + timedelta(seconds=3)) == 1


def test_a_bucket_never_saves_more_than_its_burst():
    bucket = Bucket(1, 1).charge(1, NOW)

    assert bucket.available(NOW + timedelta(days=1)) == 1


def test_a_campaign_of_sixty_a_minute_sends_one_a_second():
    assert Bucket.per_minute(60, None) == Bucket(1, 1, None)


@pytest.mark.parametrize(
    ("rate", "burst"), [pytest.param(1, 1, id="a long code"), pytest.param(100, 25, id="a short code")]
)
def test_the_burst_is_a_quarter_second_and_one_part_at_least(rate, burst):
    assert burst_for(rate) == burst


@given(
    rate=st.floats(0.1, 200),
    steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 4)), min_size=1, max_size=60),
)
def test_no_window_holds_more_than_its_share_and_one_burst(rate, steps):
    bucket, now, sent = Bucket(rate, burst_for(rate)), NOW, []
    for wait, parts in steps:
        now += timedelta(seconds=wait)
        if bucket.available(now) >= min(parts, int(bucket.burst)):
            bucket = bucket.charge(parts, now)
            sent.append((now, parts))

    for start, _ in sent:
        for end, _ in sent:
            inside = sum(parts for at, parts in sent if start <= at <= end)
            allowed = rate * (end - start).total_seconds() + max(bucket.burst, 4)
            assert inside <= allowed + 1e-3 or end < start

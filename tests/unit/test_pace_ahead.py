from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.sending.pace import Bucket

NOW = datetime(2026, 3, 15, tzinfo=UTC)


def test_a_bucket_tells_what_it_lets_go_within_a_stretch_of_time():
    bucket = Bucket(2).charge(1, NOW)

    assert bucket.available(NOW) == 0
    assert bucket.available(NOW, ahead=timedelta(seconds=10)) == 20


@given(
    rate=st.floats(0.2, 200),
    leaps=st.lists(st.integers(1, 600), min_size=1, max_size=20),
    wanted=st.lists(st.integers(0, 5_000), min_size=20, max_size=20),
)
def test_what_is_taken_ahead_is_never_more_than_the_pace_lets_go_by_then(rate, leaps, wanted):
    bucket, now, taken = Bucket(rate), NOW, 0

    for leap, wish in zip(leaps, wanted, strict=False):
        ahead = timedelta(seconds=leap)
        parts = min(wish, bucket.available(now, ahead=ahead))
        if parts:
            bucket = bucket.charge(parts, now)
        taken, now = taken + parts, now + ahead

    assert taken <= rate * (now - NOW).total_seconds() + bucket.burst + 0.001

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.campaigns.intervals import Share, difference, wilson

SHARES = st.integers(0, 500).flatmap(lambda of: st.integers(0, of).map(lambda hits: Share(hits, of)))


def test_newcombes_own_examples_come_out_as_printed():
    found = [difference(*pair) for pair in ((Share(56, 70), Share(48, 80)), (Share(10, 10), Share(0, 10)))]

    assert [(round(each.low, 4), round(each.high, 4)) for each in found] == [(0.0524, 0.3339), (0.6075, 1.0)]


@given(SHARES)
def test_a_share_lies_inside_its_interval_and_that_inside_of_0_and_1(share):
    found = wilson(share)

    assert 0 <= found.low <= found.estimate <= found.high <= 1


@given(SHARES, SHARES)
def test_a_difference_the_other_way_round_is_the_same_with_the_other_sign(first, second):
    one, two = difference(first, second), difference(second, first)

    assert (one.low, one.high) == pytest.approx((-two.high, -two.low))
    assert -1 <= one.low <= one.estimate <= one.high <= 1

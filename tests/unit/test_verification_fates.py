from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from lumiere_sms.verification.fates import PASSES, Fate, Moment, Orders, draw_fates

NAMED = [moment for moment in Moment if moment is not Moment.ANY]


def test_half_of_the_daemons_die_at_any_moment_and_the_others_at_each_named_one_as_often():
    counts = Counter(fate.moment for fate in draw_fates(140, Random(1)))

    assert counts == {Moment.ANY: 70, **dict.fromkeys(NAMED, 10)}


def test_as_many_kills_as_twice_the_named_moments_reach_each_of_them():
    assert {fate.moment for fate in draw_fates(2 * len(NAMED), Random(1))} == set(Moment)


def test_one_seed_draws_the_same_fates():
    assert draw_fates(20, Random(5)) == draw_fates(20, Random(5)) != draw_fates(20, Random(6))
    assert {fate.passes for fate in draw_fates(500, Random(5))} == set(range(1, PASSES + 1))


@pytest.mark.parametrize("fate", [Fate(), Fate(Moment.IN_ARM, passes=3, seconds=0.25)], ids=["lives on", "dies"])
def test_orders_are_read_as_they_were_written(fate):
    orders = Orders(fate, 10.0, datetime(2026, 3, 15, 1, tzinfo=UTC), Path("/tmp/daemon1.works"))

    assert Orders.from_json(orders.to_json()) == orders

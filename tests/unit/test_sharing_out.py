from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.planning.sharing_out import Offer, share_out

CHEAP, DEAR = {"JP": Decimal("0.05"), "US": Decimal("0.02")}, {"JP": Decimal("0.08"), "US": Decimal("0.01")}


def parts_of(shares):
    return {each.provider: each.parts for each in shares}


def test_each_country_goes_to_whoever_asks_least():
    shares = share_out({"JP": 100, "US": 50}, [Offer("dear", DEAR), Offer("cheap", CHEAP)])

    assert parts_of(shares) == {"dear": 50, "cheap": 100}
    assert [each.cost for each in shares] == [Decimal("0.50"), Decimal("5.00")]


def test_what_the_cheapest_cannot_send_in_time_goes_to_the_next():
    shares = share_out({"JP": 100}, [Offer("dear", DEAR), Offer("cheap", CHEAP, capacity=70.5)])

    assert parts_of(shares) == {"dear": 30, "cheap": 70}
    assert [each.weight for each in shares] == [30, 70]


def test_a_price_counts_for_more_where_less_arrives():
    half = Offer("cheap", CHEAP, delivery_rate=0.5, receipts=1000)

    shares = share_out({"JP": 100}, [Offer("dear", DEAR, delivery_rate=0.98, receipts=1000), half])

    assert parts_of(shares) == {"dear": 100, "cheap": 0}
    assert shares[0].arriving == 98


def test_a_provider_of_which_nothing_is_known_counts_as_good_as_the_best():
    shares = share_out({"JP": 100}, [Offer("dear", DEAR, delivery_rate=0.5, receipts=100), Offer("cheap", CHEAP)])

    assert parts_of(shares) == {"dear": 0, "cheap": 100}
    assert shares[1].arriving == 50


def test_nothing_delivered_is_very_dear_and_no_division_by_nothing():
    shares = share_out({"JP": 10}, [Offer("cheap", CHEAP, delivery_rate=0.0, receipts=99), Offer("dear", DEAR)])

    assert parts_of(shares) == {"cheap": 0, "dear": 10}


prices = st.dictionaries(st.sampled_from(["JP", "US"]), st.decimals("0.001", "1", places=3), min_size=2, max_size=2)
offers = st.lists(
    st.tuples(prices, st.none() | st.floats(0, 500), st.none() | st.floats(0, 1)), min_size=1, max_size=4
).map(lambda all_: [Offer(f"p{place}", *each) for place, each in enumerate(all_)])


@given(
    offers=offers, parts=st.tuples(st.integers(0, 300), st.integers(0, 300)), budget=st.none() | st.decimals("0", "200")
)
def test_no_capacity_and_no_budget_is_exceeded_and_no_part_goes_twice(offers, parts, budget):
    wanted = dict(zip(("JP", "US"), parts, strict=True))

    shares = share_out(wanted, offers, budget=budget)

    assert sum(each.parts for each in shares) <= sum(parts)
    assert all(each.capacity is None or each.parts <= each.capacity for each in shares)
    assert budget is None or sum(each.cost for each in shares) <= budget
    if budget is None and all(each.capacity is None for each in offers):
        assert sum(each.parts for each in shares) == sum(parts)

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.campaigns.recipients import POINTS, Share
from lumiere_sms.providers.choices import Choice, Goal, Strategy, read_choices
from lumiere_sms.providers.prices import Rates
from lumiere_sms.sending.routing import Route, aimed, cheapest_of, points_of, share_of, takes

NAMES = ("twilio", "aws", "sns", "pigeon")
CODES = ("1", "81", "44", "998")
RATES = {
    "twilio": Rates("USD", Decimal("0.10"), {"81": Decimal("0.08"), "1": Decimal("0.01")}),
    "aws": Rates("USD", Decimal("0.09"), {"81": Decimal("0.08"), "44": Decimal("0.20")}),
    "sns": Rates("EUR", Decimal("0.01"), {}),
}
routes = st.builds(
    lambda strategy, weights: Route(
        strategy, tuple(map(Choice, NAMES, weights)) if any(weights) else tuple(map(Choice, NAMES))
    ),
    st.sampled_from(Strategy),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
)
phones = st.builds(lambda code, number: f"+{code}{number}", st.sampled_from(CODES), st.integers(10**8, 10**9))


def takers(route: Route, phone: str, available: set[str], weights: dict[str, int]) -> list[str]:
    shares = {name: share_of(name, route, available=available, weights=weights, rates=RATES) for name in NAMES}
    return [name for name, share in shares.items() if share and takes(share, phone)]


@given(routes, phones, st.sets(st.sampled_from(NAMES)), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 100)))
def test_a_phone_is_in_the_share_of_one_available_provider_and_no_other(route, phone, available, weights):
    expected = 1 if available & set(route.providers) else 0

    assert len(takers(route, phone, available, weights)) == expected


@given(routes, phones, st.sampled_from(NAMES))
def test_who_has_an_available_provider_keeps_it_when_another_one_fails(route, phone, fails):
    before = takers(route, phone, set(NAMES), {})
    after = takers(route, phone, set(NAMES) - {fails}, {})

    assert before in (after, [fails])


@pytest.mark.parametrize(
    ("available", "shares"),
    [
        pytest.param({"twilio", "aws", "sns"}, [(0, 3333), (3333, 3334), (6667, 3333)], id="all are well"),
        pytest.param({"twilio", "sns"}, [(0, 3333), None, (3333, 6667)], id="the next in order steps in"),
        pytest.param({"twilio", "aws"}, [(6667, 6666), (3333, 3334), None], id="the first steps in for the last"),
        pytest.param({"aws"}, [None, (0, POINTS), None], id="one is left"),
        pytest.param(set(), [None, None, None], id="nobody is left"),
    ],
)
def test_the_next_in_order_takes_the_share_of_one_that_is_not_available(available, shares):
    route = Route(Strategy.ROUND_ROBIN, tuple(map(Choice, NAMES[:3])))

    found = [share_of(name, route, available=available) for name in NAMES[:3]]

    assert [share and (share.low, share.width) for share in found] == shares


@pytest.mark.parametrize(
    ("weights", "slow", "points"),
    [
        pytest.param((70, 30), {}, (7000, 3000), id="as the weights say"),
        pytest.param((50, 50), {"twilio": 90}, (4000, 6000), id="ten points move from the slow one"),
        pytest.param((50, 50), {"twilio": 40}, (0, POINTS), id="no more than it has"),
        pytest.param((50, 50), {"twilio": 90, "aws": 80}, (5000, 5000), id="where both are slow nothing moves"),
        pytest.param((100, 0), {"twilio": 90}, (POINTS, 0), id="nobody to move to: one of weight 0 only steps in"),
    ],
)
def test_weights_share_the_texts_out_and_slowness_moves_ten_points(weights, slow, points):
    route = Route(Strategy.WEIGHTED, tuple(map(Choice, NAMES, weights)))

    assert points_of(route, slow) == points


def test_the_primary_takes_all_and_the_others_only_step_in():
    route = Route(Strategy.PRIMARY, tuple(map(Choice, NAMES[:3])))

    assert share_of("twilio", route, available=set(NAMES)) == Share()
    assert share_of("aws", route, available=set(NAMES)) is None
    assert share_of("aws", route, available={"aws", "sns"}) == Share()


@pytest.mark.parametrize(
    ("code", "cheapest"),
    [
        pytest.param("1", "twilio", id="its own price"),
        pytest.param("44", "twilio", id="the default beats a price"),
        pytest.param("81", "twilio", id="of two equal the first"),
        pytest.param("998", "aws", id="by the defaults"),
    ],
)
def test_the_cheapest_is_found_by_destination_and_another_currency_is_no_bargain(code, cheapest):
    assert cheapest_of(("twilio", "aws", "sns", "pigeon"), RATES, code=code) == cheapest


def test_without_any_price_the_first_is_as_cheap_as_the_others():
    assert cheapest_of(("pigeon", "raven"), {}, code="81") == "pigeon"


@pytest.mark.parametrize(
    ("goal", "named", "strategy", "weights"),
    [
        pytest.param(Goal.TIME, "twilio aws", Strategy.WEIGHTED, [10, 100], id="as much as each is fast"),
        pytest.param(Goal.TIME, "twilio:0 aws:1", Strategy.WEIGHTED, [0, 100], id="who only steps in still does"),
        pytest.param(Goal.COST, "twilio aws", Strategy.CHEAPEST, [1, 1], id="the cheapest"),
        pytest.param(Goal.BALANCE, "twilio aws", Strategy.ROUND_ROBIN, [1, 1], id="alike"),
        pytest.param(Goal.BALANCE, "twilio:70 aws:30", Strategy.WEIGHTED, [70, 30], id="by weight"),
    ],
)
def test_a_strategy_is_a_way_to_share_texts_out(goal, named, strategy, weights):
    route = Route(Strategy.PRIMARY, read_choices(named.split()))

    found = aimed(route, goal, paces={"twilio": 1.0, "aws": 10.0})

    assert (found.strategy, [choice.weight for choice in found.choices]) == (strategy, weights)

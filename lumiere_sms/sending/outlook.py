"""What to expect of a route: who takes how much, what a part costs on average, how fast it goes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache

from lumiere_sms.campaigns.recipients import POINTS
from lumiere_sms.campaigns.ways import Way
from lumiere_sms.providers.choices import Strategy
from lumiere_sms.providers.prices import Price, Rates, calling_code
from lumiere_sms.sending.routing import Route, cheapest_of, points_of

_SMALLEST = Decimal("0.0001")

PricesOf = Callable[[str, str], Price]


def expect(
    route: Route,
    *,
    home: str,
    prices_of: PricesOf,
    pace_of: Callable[[str], float],
    rates: Mapping[str, Rates],
) -> Way:
    """Return what to expect while all providers of a route are well; `home` is the tenant's country (ISO 3166)."""
    if route.strategy is Strategy.CHEAPEST:
        return _by_price(route, home=home, prices_of=prices_of, pace_of=pace_of, rates=rates)
    points = zip(route.providers, points_of(route, {}), strict=True)
    parts = {name: each / POINTS for name, each in points}
    pace = min(pace_of(name) / part for name, part in parts.items() if part)
    return Way(route.strategy, route.providers, parts, _mixed(parts, prices_of), pace)


def _by_price(
    route: Route, *, home: str, prices_of: PricesOf, pace_of: Callable[[str], float], rates: Mapping[str, Rates]
) -> Way:
    @cache
    def cheapest(country: str) -> str:
        return cheapest_of(route.providers, rates, code=calling_code(country))

    return Way(
        route.strategy,
        route.providers,
        {},
        lambda country: prices_of(cheapest(country), country),
        pace_of(cheapest(home)),
    )


def _mixed(parts: Mapping[str, float], prices_of: PricesOf) -> Callable[[str], Price]:
    @cache
    def price(country: str) -> Price:
        taken = [(prices_of(name, country), part) for name, part in parts.items() if part]
        first = taken[0][0]
        if len(taken) == 1:
            return first
        amount = sum((each.amount * Decimal(str(part)) for each, part in taken), Decimal(0))
        return replace(first, amount=amount.quantize(_SMALLEST))

    return price

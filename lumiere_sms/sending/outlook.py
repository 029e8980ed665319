"""What to expect of a route: who takes how much, what a part costs on average, how fast it goes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.recipients import POINTS
from lumiere_sms.campaigns.ways import Way
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.providers.choices import Strategy
from lumiere_sms.providers.prices import Price, Rates, calling_code
from lumiere_sms.schedule.departures import DailyLimit, Pace
from lumiere_sms.sending.routing import Route, cheapest_of, points_of
from lumiere_sms.sending.scopes import TENANTS

_SMALLEST = Decimal("0.0001")

PricesOf = Callable[[str, str], Price]


def expect(
    route: Route, *, home: str, prices_of: PricesOf, paces: Mapping[str, Pace], rates: Mapping[str, Rates]
) -> Way:
    """Return what to expect while all providers of a route are well; `home` is the tenant's country (ISO 3166).

    `paces` are those of the tenant's senders at each provider; that of "" is its own, over all of them.
    """
    is_weighted = route.strategy is Strategy.WEIGHTED
    choices = tuple(f"{each.name}:{each.weight}" if is_weighted else each.name for each in route.choices)
    if route.strategy is Strategy.CHEAPEST:
        way = _by_price(route, home=home, prices_of=prices_of, paces=paces, rates=rates)
    else:
        points = zip(route.providers, points_of(route, {}), strict=True)
        parts = {name: each / POINTS for name, each in points}
        pace = min(paces[name].parts_per_second / part for name, part in parts.items() if part)
        taken = {name: part for name, part in parts.items() if part}
        way = Way(route.strategy, route.providers, parts, _mixed(parts, prices_of), pace, takes=lambda _: taken)
    return replace(way, choices=choices, paces=paces, tenant_pace=paces.get(TENANTS))


def read_paces(
    connection: Connection, tenant: Tenant, senders: Mapping[str, str], *, granted: Mapping[str, float]
) -> dict[str, Pace]:
    """Return the pace of a tenant's senders by provider, and its own, where it has one, as that of "".

    What nobody has set is what its provider grants.
    """
    binds = {"user_id": str(tenant.id), "providers": list(senders), "senders": list(senders.values())}
    found = {row["provider"]: row for row in connection.execute(_PACES, binds)}
    paces = {name: _pace(found.get(name), granted[name]) for name in senders}
    return {**paces, TENANTS: _pace(found[TENANTS], float("inf"))} if TENANTS in found else paces


def _pace(row: Mapping[str, Any] | None, granted: float) -> Pace:
    """Read a row of pace_limits. What a provider refused lately is no plan: it comes back within a minute."""
    if row is None:
        return Pace(granted)
    own = row["parts_per_second"] if row["is_set"] else granted
    per_minute = row["parts_per_minute"]
    rate = min(own or float("inf"), per_minute / 60 if per_minute else float("inf"))
    if not row["parts_per_day"]:
        return Pace(rate)
    return Pace(rate, DailyLimit(row["parts_per_day"], ZoneInfo(row["zone"]), row["day"], row["day_parts"]))


def _by_price(
    route: Route, *, home: str, prices_of: PricesOf, paces: Mapping[str, Pace], rates: Mapping[str, Rates]
) -> Way:
    @cache
    def cheapest(country: str) -> str:
        return cheapest_of(route.providers, rates, code=calling_code(country))

    return Way(
        route.strategy,
        route.providers,
        {},
        lambda country: prices_of(cheapest(country), country),
        paces[cheapest(home)].parts_per_second,
        takes=lambda country: {cheapest(country): 1.0},
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


_PACES: LiteralString = """
    SELECT provider, is_set, parts_per_second, parts_per_minute, parts_per_day, zone, day, day_parts
    FROM pace_limits
    WHERE (provider, sender) IN (SELECT * FROM unnest(%(providers)s::text[], %(senders)s::text[]))
       OR (provider, sender) = ('', %(user_id)s)
"""

"""Which provider takes whom: each takes a share of the phones, and a phone stays with its provider.

    primary       the first takes all
    round_robin   all take the same
    weighted      as much as their weights say, less where one delivers slowly
    cheapest      each destination goes to whoever asks least for a part to it

A share is a range of a hash of the phone, or the calling codes of destinations; so a plan that is made again is the
same plan, and all daemons agree without a word. Of a provider that is not available the next in order takes the
share, and the others keep theirs. Shares only say who should take a text: that nobody takes it twice is the claim's
and the arm's to see to. Pure: no database, no clock.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate
from typing import assert_never

from lumiere_sms.campaigns.recipients import POINTS, Share
from lumiere_sms.providers.choices import LARGEST_WEIGHT, Choice, Goal, Strategy, read_choices, read_strategy
from lumiere_sms.providers.prices import Rates

WHOLE = 100  # points of a weight that nothing was taken from
_OTHERS = ""  # the destinations that no price list names


@dataclass(frozen=True, slots=True)
class Route:
    """How a campaign's texts go: through `choices`, in the order they are tried, by a strategy."""

    strategy: Strategy
    choices: tuple[Choice, ...]

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers, the first of them the primary."""
        return tuple(choice.name for choice in self.choices)

    def only(self, providers: Collection[str]) -> "Route":
        """Return the route through those of its providers that are among `providers`."""
        return Route(self.strategy, tuple(choice for choice in self.choices if choice.name in providers))


def resolve(default: Route, *, named: Sequence[str] | None, strategy: str | None) -> Route:
    """Return the route of who names providers, or a strategy, of its own; through those of the default only."""
    route = Route(
        read_strategy(strategy) if strategy else default.strategy,
        read_choices(named) if named else default.choices,
    )
    return route.only(default.providers)


def aimed(route: Route, goal: Goal, *, paces: Mapping[str, float]) -> Route:
    """Return a route as a campaign's `strategy` has it; `paces` are parts per second by provider.

    Soonest done is who shares by pace: then all providers finish together. One of weight 0 only steps in, whatever the
    strategy.

    >>> choices = Choice("twilio"), Choice("aws")
    >>> aimed(Route(Strategy.PRIMARY, choices), Goal.TIME, paces={"twilio": 1, "aws": 10}).choices
    (Choice(name='twilio', weight=10), Choice(name='aws', weight=100))
    """
    match goal:
        case Goal.COST:
            return replace(route, strategy=Strategy.CHEAPEST)
        case Goal.BALANCE:
            is_weighted = len({choice.weight for choice in route.choices}) > 1
            return replace(route, strategy=Strategy.WEIGHTED if is_weighted else Strategy.ROUND_ROBIN)
        case Goal.TIME:
            return Route(Strategy.WEIGHTED, _by_pace(route.choices, paces))
        case never:
            assert_never(never)


def _by_pace(choices: Sequence[Choice], paces: Mapping[str, float]) -> tuple[Choice, ...]:
    fastest = max(paces[choice.name] for choice in choices)
    return tuple(
        Choice(choice.name, max(1, round(LARGEST_WEIGHT * paces[choice.name] / fastest)) if choice.weight else 0)
        for choice in choices
    )


def share_of(
    provider: str,
    route: Route,
    *,
    available: Collection[str],
    weights: Mapping[str, int] | None = None,
    rates: Mapping[str, Rates] | None = None,
) -> Share | None:
    """Return which phones a provider takes, or None for nobody.

    `weights` are points of 100, fewer for a provider that delivers slowly; `rates` what each asks.

    >>> route = Route(Strategy.ROUND_ROBIN, (Choice("twilio"), Choice("aws")))
    >>> share_of("aws", route, available={"twilio", "aws"})
    Share(low=5000, width=5000, codes=(), excludes=True)
    >>> share_of("aws", route, available={"aws"})
    Share(low=0, width=10000, codes=(), excludes=True)
    """
    if provider not in route.providers or provider not in available:
        return None
    if route.strategy is Strategy.CHEAPEST:
        return _by_price(provider, route.only(available).providers, rates or {})
    return _by_points(provider, route.providers, points_of(route, weights or {}), available=available)


def point_of(phone: str) -> int:
    """Return where a phone stands among the points of its hash: claim.sql computes the same.

    >>> point_of("+819012345678")
    3323
    """
    return int(hashlib.md5(phone.encode(), usedforsecurity=False).hexdigest()[:8], 16) % POINTS


def takes(share: Share, phone: str) -> bool:
    """Say whether a phone is in a share: claim.sql asks the same."""
    is_named = any(phone[1 : 1 + length] in share.codes for length in (1, 2, 3))
    is_there = (point_of(phone) - share.low) % POINTS < share.width
    return is_there and (not share.codes or is_named != share.excludes)


def points_of(route: Route, weights: Mapping[str, int]) -> tuple[int, ...]:
    """Return how many of the points of the hash each provider of a route takes while all are available."""
    match route.strategy:
        case Strategy.PRIMARY | Strategy.CHEAPEST:
            shares = [1.0, *(0.0 for _ in route.choices[1:])]
        case Strategy.ROUND_ROBIN:
            shares = [1.0 for _ in route.choices]
        case Strategy.WEIGHTED:
            shares = _less_what_is_slow(route.choices, weights)
        case never:
            assert_never(never)
    whole = sum(shares)
    ends = [round(POINTS * end / whole) for end in accumulate(shares)]
    return tuple(end - start for start, end in zip([0, *ends], ends, strict=False))


def _less_what_is_slow(choices: Sequence[Choice], weights: Mapping[str, int]) -> list[float]:
    """Return shares of 100 points; what a slow provider loses goes to those that are not, by their weights.

    Where all are slow it would help nobody to move anything.
    """
    whole = sum(choice.weight for choice in choices)
    shares = [100 * choice.weight / whole if whole else 100 / len(choices) for choice in choices]
    lost = [min(share, WHOLE - weights.get(choice.name, WHOLE)) for share, choice in zip(shares, choices, strict=True)]
    is_slow = [weights.get(choice.name, WHOLE) < WHOLE for choice in choices]
    quick = sum(share for share, slow in zip(shares, is_slow, strict=True) if not slow)
    if all(is_slow) or not quick:
        return shares
    gained = sum(lost) / quick
    return [
        share - less if slow else share * (1 + gained) for share, less, slow in zip(shares, lost, is_slow, strict=True)
    ]


def _by_points(
    provider: str, order: Sequence[str], points: Sequence[int], *, available: Collection[str]
) -> Share | None:
    """Return the range of a provider, and those before it whose providers are not available: one range in all."""
    first = order.index(provider)
    width = points[first]
    for _ in order[1:]:
        before = (first - 1) % len(order)
        if order[before] in available:
            break
        first, width = before, width + points[before]
    if width == POINTS:
        return Share()
    return Share(low=sum(points[:first]), width=width) if width else None


def _by_price(provider: str, order: Sequence[str], rates: Mapping[str, Rates]) -> Share | None:
    """Return the destinations where a provider is the cheapest; of two that ask the same the first in order."""
    named = sorted({code for name in order if name in rates for code in rates[name].by_code})
    mine = {code for code in (*named, _OTHERS) if cheapest_of(order, rates, code=code) == provider}
    if _OTHERS in mine:
        return Share(codes=tuple(code for code in named if code not in mine))
    return Share(codes=tuple(code for code in named if code in mine), excludes=False) if mine else None


def cheapest_of(order: Sequence[str], rates: Mapping[str, Rates], *, code: str) -> str:
    """Return who asks least for a part to a calling code; who has no price, or one in another currency, comes last."""
    currency = next((rates[name].currency for name in order if name in rates), "")

    def price(name: str) -> tuple[bool, Decimal]:
        found = rates.get(name)
        if found is None or found.currency != currency:
            return True, Decimal(0)
        return False, found.by_code.get(code, found.default)

    return min(order, key=price)

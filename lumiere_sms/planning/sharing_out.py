"""How a campaign's parts are shared out over providers: by price, delivery rate and what each can send in time.

The cheapest delivered part first: a price counts for as much more as the provider delivers less often. Each takes what
it can send before the texts expire, and no more than the budget pays for. Pure: no database, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

_WHOLE = 100  # points of a weight
_LEAST = 0.01  # a provider that delivers nothing is dear, not infinitely so


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider has to offer: prices by country, parts that it can send in time (None: all there are).

    `delivery_rate` is the part of its texts that arrived, of so many `receipts`; None where these are too few to say.
    """

    provider: str
    prices: Mapping[str, Decimal]
    capacity: float | None = None
    delivery_rate: float | None = None
    receipts: int = 0


@dataclass(frozen=True, slots=True)
class Allotted:
    """What one provider would take: parts, their cost at list price, how many are expected to arrive, its weight."""

    provider: str
    parts: int
    cost: Decimal
    arriving: int
    weight: int
    capacity: float | None
    delivery_rate: float | None
    receipts: int


def share_out(
    parts: Mapping[str, int], offers: Sequence[Offer], *, budget: Decimal | None = None
) -> tuple[Allotted, ...]:
    """Share the parts of each country out over the offers; of equal ones the first takes first.

    >>> offers = [Offer("twilio", {"JP": Decimal("0.08")}), Offer("aws", {"JP": Decimal("0.05")}, capacity=600)]
    >>> [(each.provider, each.parts, each.weight) for each in share_out({"JP": 1000}, offers)]
    [('twilio', 400, 40), ('aws', 600, 60)]
    """
    known = [offer.delivery_rate for offer in offers if offer.delivery_rate is not None]
    unknown = max(known, default=1.0) or 1.0  # of whom nothing is known: as good as the best
    rates = {
        offer.provider: unknown if (rate := offer.delivery_rate) is None else max(rate, _LEAST) for offer in offers
    }
    left, money = dict(parts), budget
    room = {offer.provider: offer.capacity if offer.capacity is not None else float("inf") for offer in offers}
    taken = {offer.provider: 0 for offer in offers}
    cost = {offer.provider: Decimal(0) for offer in offers}
    pairs = [
        (float(offer.prices[country]) / rates[offer.provider], offer, country) for country in parts for offer in offers
    ]
    for _, offer, country in sorted(pairs, key=lambda pair: pair[0]):
        price = offer.prices[country]
        count = int(min(left[country], room[offer.provider]))
        if money is not None and price:
            count = min(count, int(money / price))
        left[country] -= count
        room[offer.provider] -= count
        taken[offer.provider] += count
        cost[offer.provider] += price * count
        money = None if money is None else money - price * count
    whole = sum(taken.values())
    return tuple(
        Allotted(
            offer.provider,
            taken[offer.provider],
            cost[offer.provider],
            round(taken[offer.provider] * rates[offer.provider]),
            round(_WHOLE * taken[offer.provider] / whole) if whole else 0,
            offer.capacity,
            offer.delivery_rate,
            offer.receipts,
        )
        for offer in offers
    )

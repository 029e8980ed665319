"""By how many characters a text has to be shorter to cost less.

Carriers bill whole parts, so most characters that are taken off save nothing, and one saves a part of many texts. Texts
are taken to be shortened by the same number of characters, in whatever they all say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lumiere_sms.campaigns.freezing import Frozen, Prices
from lumiere_sms.messages.parts import ALONE, JOINED
from lumiere_sms.planning.lengths import Length, length_of, parts_if_shorter

MOST = 0.4  # of the longest text: who takes off more writes another text


@dataclass(frozen=True, slots=True)
class Shortened:
    """What texts cost that are all shorter by so many characters; `fewer` of them then take a part less, or more."""

    characters: int
    cost: Decimal
    fewer: int


#: How many texts there are by what decides how many parts they take.
Lengths = Mapping[Length, int]


def lengths_of(texts: Iterable[Frozen]) -> Lengths:
    """Count texts by what they cost and by how far they are from costing less."""
    return Counter(length_of(each.personalized_content, each.phone_number) for each in texts)


def shorten(lengths: Lengths, *, prices: Prices, limit: Decimal) -> Shortened | None:
    """Return the least that brings the cost down to a limit, else what saves most; None where nothing would."""
    best = None
    for characters in sorted(set(_worth_it(lengths))):
        found = _cost(lengths, characters, prices)
        if best is None or found.cost < best.cost:
            best = found
        if found.cost <= limit:
            return found
    return best


def _worth_it(lengths: Lengths) -> Iterator[int]:
    """Yield the numbers of characters that save a part of some text."""
    most = int(MOST * max((units for _, _, units, _ in lengths), default=0))
    for _, encoding, units, starts in lengths:
        for fewer in range(1, len(starts)):
            room = ALONE[encoding] if fewer == 1 else fewer * JOINED[encoding]
            if 0 < units - room <= most:
                yield units - room


def _cost(lengths: Lengths, characters: int, prices: Prices) -> Shortened:
    cost, fewer = Decimal(0), 0
    for length, count in lengths.items():
        before, after = len(length[3]), parts_if_shorter(length, characters)
        cost += prices(length[0]).amount * after * count
        fewer += count if after < before else 0
    return Shortened(characters, cost, fewer)

"""By how many characters a text has to be shorter to cost less.

Carriers bill whole parts, so most characters that are taken off save nothing, and one saves a part of many texts. Texts
are taken to be shortened by the same number of characters, in whatever they all say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lumiere_sms.campaigns.freezing import Frozen, Prices
from lumiere_sms.messages.parts import Encoding, count_parts
from lumiere_sms.providers.prices import country_of

#: The units of a text alone, and of each part of a longer one (3GPP TS 23.038 and 23.040).
_ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_JOINED = {Encoding.GSM7: 153, Encoding.UCS2: 67}
MOST = 0.4  # of the longest text: who takes off more writes another text


@dataclass(frozen=True, slots=True)
class Shortened:
    """What texts cost that are all shorter by so many characters; `fewer` of them then take a part less, or more."""

    characters: int
    cost: Decimal
    fewer: int


#: How many texts there are by country, encoding, units and parts.
Lengths = Mapping[tuple[str, Encoding, int, int], int]


def lengths_of(texts: Iterable[Frozen]) -> Lengths:
    """Count texts by what they cost and by how far they are from costing less."""
    lengths = Counter[tuple[str, Encoding, int, int]]()
    for each in texts:
        count = count_parts(each.personalized_content)
        lengths[country_of(each.phone_number), count.encoding, count.units, count.parts] += 1
    return lengths


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
    for _, encoding, units, parts in lengths:
        for fewer in range(1, parts):
            room = _ALONE[encoding] if fewer == 1 else fewer * _JOINED[encoding]
            if 0 < units - room <= most:
                yield units - room


def _cost(lengths: Lengths, characters: int, prices: Prices) -> Shortened:
    cost, fewer = Decimal(0), 0
    for (country, encoding, units, parts), count in lengths.items():
        after = min(parts, _parts(units - characters, encoding))
        cost += prices(country).amount * after * count
        fewer += count if after < parts else 0
    return Shortened(characters, cost, fewer)


def _parts(units: int, encoding: Encoding) -> int:
    return 1 if units <= _ALONE[encoding] else -(-units // _JOINED[encoding])

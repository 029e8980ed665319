"""How long texts and the values in them are, counted so that memory does not grow with the people.

Carriers bill whole parts: most characters that are taken off a text save nothing, and one saves a part of many texts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from lumiere_sms.campaigns.freezing import Row
from lumiere_sms.messages.parts import ALONE, Encoding, count_parts, starts_of_parts
from lumiere_sms.messages.values import FIELDS, full_name, snake_case
from lumiere_sms.providers.prices import country_of

#: Of one variable, the longest values that are told.
LONGEST = 5

_WORDS = frozenset({"first_name", "last_name", "external_id"})  # columns that may be long

#: Country, encoding, units, and where the parts begin.
Length = tuple[str, Encoding, int, tuple[int, ...]]
#: Reads a value from a customer's row.
Reader = Callable[[Row], Any]


def length_of(text: str, phone: str) -> Length:
    """Return what decides how many parts a text takes, and would take if it were shorter."""
    count = count_parts(text)
    return country_of(phone), count.encoding, count.units, starts_of_parts(text, count)


def parts_if_shorter(length: Length, characters: int) -> int:
    """Return the parts of a text with so many characters less: plain ones, behind any that are two units wide."""
    _, encoding, units, starts = length
    left = units - characters
    return 1 if left <= ALONE[encoding] else sum(start < left for start in starts)


def too_many(length: Length) -> int:
    """Return how many units a text has to lose to take a part less."""
    _, encoding, units, starts = length
    return units - (ALONE[encoding] if len(starts) == 2 else starts[-1])  # noqa: PLR2004 - parts


@dataclass(slots=True)
class Values:
    """The values of one variable. `needed` counts texts that would take a part less at that length of the value.

    `longest` are the longest of those, with how many people have them.
    """

    lengths: Counter[int] = field(default_factory=Counter)
    needed: Counter[int] = field(default_factory=Counter)
    longest: dict[str, int] = field(default_factory=dict)

    def add(self, value: str, *, too_many: int, places: int) -> None:
        """Count a value in a text that takes more than one part."""
        fits = len(value) + -too_many // places
        if fits < 1:
            return
        self.needed[fits] += 1
        self.longest[value] = self.longest.get(value, 0) + 1
        if len(self.longest) > LONGEST:
            del self.longest[min(self.longest, key=_by_length)]

    def best_cut(self) -> tuple[int, int] | None:
        """Return at which length to cut, and how many values are longer: what saves most of all that pays.

        It pays where at least every second value that is cut saves a part.
        """
        best = None
        saving = cut = 0
        for length in range(max(self.lengths, default=0) - 1, 0, -1):
            cut += self.lengths[length + 1]
            saving += self.needed[length]
            if self.needed[length] and 2 * saving >= cut:
                best = length, cut
        return best


def _by_length(value: str) -> tuple[int, str]:
    return len(value), value


def readers(columns: Sequence[str], names: Iterable[str], *, first: int) -> dict[str, Reader]:
    """Return what reads the value of a name or an attribute from a row whose columns begin at `first`."""
    at = {column: place for place, column in enumerate(columns, first)}
    found = dict[str, Reader]()
    for name in sorted(names):
        if name == "name" and "first_name" in at:
            found[name] = partial(_full_name, first=at["first_name"], last=at["last_name"])
        elif name in _WORDS & at.keys():
            found[name] = itemgetter(at[name])
        elif "attributes" in at and name not in FIELDS:
            found[name] = partial(_attribute, attributes=at["attributes"], name=name)
    return found


def _full_name(row: Row, *, first: int, last: int) -> str | None:
    return full_name(row[first], row[last])


def _attribute(row: Row, *, attributes: int, name: str) -> Any:
    return next((value for key, value in row[attributes].items() if snake_case(key) == name), None)

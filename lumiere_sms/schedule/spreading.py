"""Where in their open time people's texts leave, when these are to be spread evenly over it.

Everybody has a place of their own, drawn by a hash and so the same whenever it is asked for: in the plan, in the
launch, and in the next campaign of that name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from lumiere_sms.schedule.windows import LEAST_MEETING

_MINUTE = timedelta(minutes=1)
_POINTS = 1 << 64


def place_of(key: str, phone_number: str) -> float:
    """Return a person's place, from 0 to below 1, for what `key` names.

    >>> 0 <= place_of("spring", "+819012345678") < 1
    True
    """
    digest = blake2b(f"{key}\0{phone_number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _POINTS


@dataclass(frozen=True, slots=True)
class Slots:
    """The minutes of open spans at which texts may be placed: where each span begins, and how many it has."""

    spans: tuple[tuple[datetime, int], ...]
    total: int

    @classmethod
    def of(cls, spans: Iterable[tuple[datetime, datetime]]) -> "Slots":
        """Count whole minutes from the beginning of each span; none in its last ones, in which a text hardly goes."""
        counted = [(opens, max(0, (closes - opens - LEAST_MEETING) // _MINUTE) + 1) for opens, closes in spans]
        return cls(tuple(counted), sum(count for _, count in counted))

    def at(self, place: float) -> datetime | None:
        """Return the instant at a place; None where nothing is open.

        >>> from datetime import UTC
        >>> nine, ten = datetime(2026, 3, 16, 9, tzinfo=UTC), datetime(2026, 3, 16, 10, tzinfo=UTC)
        >>> Slots.of([(nine, ten)]).at(0.5).isoformat()
        '2026-03-16T09:28:00+00:00'
        """
        left = min(int(place * self.total), self.total - 1)
        for opens, count in self.spans:
            if left < count:
                return opens + left * _MINUTE
            left -= count
        return None

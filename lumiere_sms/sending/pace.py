"""How fast: a token bucket as one timestamp (GCRA, the generic cell rate algorithm of ITU-T I.371).

A bucket knows `tat`, the theoretical arrival time: the instant at which all that was taken is paid
back. There is no refill job and no drift. The unit is the part, which is what carriers limit and
bill. A text goes when its parts are available, or a full burst is: a text of two parts has to pass a
burst of one, and leaves a debt. So any window of T seconds holds at most
`parts_per_second * T + max(burst, the largest text)` parts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import floor
from typing import Self

ROUNDING = 1e-6  # parts; timestamps carry microseconds


@dataclass(frozen=True, slots=True)
class Bucket:
    """The pace of one scope. `burst` in parts, at least 1; `tat` None for a bucket never used."""

    parts_per_second: float
    burst: float
    tat: datetime | None = None

    @classmethod
    def per_minute(cls, parts: int, tat: datetime | None) -> Self:
        """Make the bucket of a campaign's `send_rate_per_minute`."""
        rate = parts / 60
        return cls(rate, burst_for(rate), tat)

    def available(self, now: datetime) -> int:
        """Return how many parts may go now; a text larger than the burst goes when all of it is there."""
        return max(0, floor(self.burst - self._debt(now) * self.parts_per_second + ROUNDING))

    def ready_in(self, now: datetime) -> float:
        """Return in how many seconds one part is available."""
        return max(0.0, self._debt(now) - (self.burst - 1) / self.parts_per_second)

    def charge(self, parts: int, now: datetime) -> Self:
        """Return the bucket after `parts` went."""
        start = now if self.tat is None else max(self.tat, now)
        return replace(self, tat=start + timedelta(seconds=parts / self.parts_per_second))

    def _debt(self, now: datetime) -> float:
        return 0.0 if self.tat is None else max(0.0, (self.tat - now).total_seconds())


def burst_for(parts_per_second: float) -> float:
    """Return how many parts may go at once at a pace: one from a long code, a quarter second's worth otherwise."""
    return max(1.0, parts_per_second / 4)

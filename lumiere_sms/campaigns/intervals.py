"""How far a share, and the difference of two, may be chance: intervals that hold for small numbers too.

One share: the score interval of Wilson (1927, JASA 22, 209-212). The difference of two independent shares: Newcombe's
hybrid score interval (1998, Statistics in Medicine 17, 873-890, method 10), which joins two of Wilson's. Neither
leaves 0 and 1, neither collapses where nobody or everybody did it, unlike the textbook's p ± 1.96·√(p(1-p)/n).
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    hits: int
    of: int

    @property
    def rate(self) -> float:
        """The share, 0 of nobody."""
        return self.hits / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with what it lies between, at the level that was asked for."""

    estimate: float
    low: float
    high: float

    @property
    def is_decided(self) -> bool:
        """Whether zero, no difference, lies outside."""
        return self.low > 0 or self.high < 0


def wilson(share: Share, *, level: float = LEVEL) -> Interval:
    """Return where a share lies.

    >>> found = wilson(Share(0, 10))
    >>> found.low, round(found.high, 3)
    (0.0, 0.278)
    """
    if not share.of:
        return Interval(0.0, 0.0, 1.0)
    z, n, p = _z(level), share.of, share.rate
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = max(0.0, middle - half) if share.hits else 0.0
    return Interval(p, low, min(1.0, middle + half) if share.hits < n else 1.0)


def difference(first: Share, second: Share, *, level: float = LEVEL) -> Interval:
    """Return where the first share minus the second lies.

    >>> found = difference(Share(56, 70), Share(48, 80))
    >>> round(found.low, 4), round(found.high, 4)
    (0.0524, 0.3339)
    """
    one, two = wilson(first, level=level), wilson(second, level=level)
    estimate = one.estimate - two.estimate
    below = sqrt((one.estimate - one.low) ** 2 + (two.high - two.estimate) ** 2)
    above = sqrt((one.high - one.estimate) ** 2 + (two.estimate - two.low) ** 2)
    return Interval(estimate, max(-1.0, estimate - below), min(1.0, estimate + above))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)

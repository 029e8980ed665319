"""Who goes first: urgent campaigns strictly, the others by start-time fair queueing.

Each campaign carries a virtual time that grows by the parts it sent divided by its weight; the one
with the least goes next. So high : normal : low get 4 : 2 : 1 of the pace while all have recipients
waiting, and low never starves (Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996).
"""

from collections.abc import Collection, Hashable

WEIGHTS = {"urgent": 8, "high": 4, "normal": 2, "low": 1}


class Fairness:
    """The virtual times of whatever is waiting."""

    def __init__(self) -> None:
        self._times: dict[Hashable, float] = {}

    def settle_on(self, waiting: Collection[Hashable]) -> None:
        """Forget what no longer waits; let who is new start beside the one that is furthest behind."""
        known = {key: self._times[key] for key in waiting if key in self._times}
        start = min(known.values(), default=0.0)
        self._times = {key: known.get(key, start) for key in waiting}

    def rank(self, key: Hashable, priority: str) -> tuple[bool, float]:
        """Return what to sort by: the least goes first."""
        return priority != "urgent", self._times[key]

    def charge(self, key: Hashable, priority: str, *, parts: int) -> None:
        """Note that `parts` of `key` went."""
        self._times[key] += parts / WEIGHTS[priority]

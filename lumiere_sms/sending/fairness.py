"""Who goes first: urgent campaigns strictly, the others by start-time fair queueing.

Whoever shares something carries a virtual time that grows by what it took divided by its weight; the one
with the least goes next. First the tenants, who share a daemon alike, then a tenant's campaigns: high :
normal : low get 4 : 2 : 1 while all have recipients waiting, and low never starves (Goyal, Vin, Cheng:
Start-time Fair Queueing, SIGCOMM 1996). Who could not go for a pace of its own saves up nothing.
"""

from collections.abc import Collection, Hashable, Iterable
from uuid import UUID

WEIGHTS = {"urgent": 8, "high": 4, "normal": 2, "low": 1}


class Fairness:
    """The virtual times of whatever is waiting."""

    def __init__(self) -> None:
        self._times: dict[Hashable, float] = {}
        self._served = 0.0  # the time of whoever went last, when it went

    def settle_on(self, waiting: Collection[Hashable]) -> None:
        """Forget what no longer waits; let who is new start beside the one that is furthest behind."""
        known = {key: self._times[key] for key in waiting if key in self._times}
        start = min(known.values(), default=0.0)
        self._times = {key: known.get(key, start) for key in waiting}

    def time_of(self, key: Hashable) -> float:
        """Return what to sort by: the least goes first."""
        return self._times[key]

    def charge(self, key: Hashable, cost: float) -> None:
        """Note that `key` went, and took as much as this."""
        self._served = self._times[key]
        self._times[key] += cost

    def excuse(self, key: Hashable) -> None:
        """Note that `key` could not have gone: it is not owed its turns later."""
        if key in self._times:
            self._times[key] = max(self._times[key], self._served)


class Turns:
    """Whose turn it is among the runs of several tenants."""

    def __init__(self) -> None:
        self._tenants = Fairness()
        self._runs: dict[UUID, Fairness] = {}

    def settle_on(self, waiting: Iterable[tuple[UUID, UUID]]) -> None:
        """Take who waits: pairs of a tenant and one of its runs."""
        runs: dict[UUID, list[UUID]] = {}
        for user_id, occurrence_id in waiting:
            runs.setdefault(user_id, []).append(occurrence_id)
        self._tenants.settle_on(runs)
        self._runs = {user_id: self._runs.get(user_id) or Fairness() for user_id in runs}
        for user_id, those in runs.items():
            self._runs[user_id].settle_on(those)

    def rank(self, user_id: UUID, occurrence_id: UUID, priority: str) -> tuple[bool, float, float]:
        """Return what to sort by: the least goes first."""
        return priority != "urgent", self._tenants.time_of(user_id), self._runs[user_id].time_of(occurrence_id)

    def charge(self, user_id: UUID, occurrence_id: UUID, priority: str, *, parts: int) -> None:
        """Note that `parts` of a run went."""
        self._tenants.charge(user_id, parts)
        self._runs[user_id].charge(occurrence_id, parts / WEIGHTS[priority])

    def excuse(self, user_id: UUID, occurrence_id: UUID | None = None) -> None:
        """Note that a run, or a tenant with all of its runs, could not go for a pace of its own."""
        if occurrence_id is None:
            self._tenants.excuse(user_id)
        else:
            self._runs[user_id].excuse(occurrence_id)

"""How fast: a token bucket as one timestamp (GCRA, the generic cell rate algorithm of ITU-T I.371).

A bucket knows `tat`, the theoretical arrival time: the instant at which all that was taken is paid
back. There is no refill job and no drift. The unit is the part, which is what carriers limit and
bill. A text goes when its parts are available, or a full burst is: a text of two parts has to pass a
burst of one, and leaves a debt.

Parts are taken by a claim and leave by the arm, a moment later. So an empty bucket is charged from the
end of that moment, the `grace` within which the claim has to be armed. Then any window of T seconds holds
at most `parts_per_second * T + max(burst, the largest text)` parts, measured at the arm; what a slow
arm has not used of its grace is given back.

A pace per minute is the same bucket at a sixtieth of the rate. A day is counted, since it starts anew.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

ROUNDING = 1e-6  # parts; timestamps carry microseconds
CUT = 0.7  # of its pace is left to a sender that its provider found too fast
CUT_EVERY = timedelta(seconds=1)  # at most, for the whole fleet
CLEAN = timedelta(seconds=5)  # without a refusal, then
RAISE = 0.02  # of the set pace come back a second
LEAST = 0.2  # parts per second, unless less is set


@dataclass(frozen=True, slots=True)
class Bucket:
    """The pace of one scope; `tat` is None for a bucket never used.

    `idle_at` is when it was last charged while nothing was owed, `floor` what is owed since then without that
    charge: no later refund may lower `tat` below it, or what was paid back long ago could be spent once more.
    """

    parts_per_second: float
    tat: datetime | None = None
    floor: datetime | None = None
    idle_at: datetime | None = None

    @property
    def burst(self) -> float:
        """How many parts may go at once."""
        return burst_for(self.parts_per_second)

    def available(self, now: datetime, *, ahead: timedelta = timedelta(0)) -> int:
        """Return how many parts may go now; a text larger than the burst goes when all of it is there.

        With `ahead`, as many as may go by then: who leaps over a stretch of time takes what it lets go at once.
        """
        owed = self._debt(now) - ahead.total_seconds()
        return max(0, floor(self.burst - owed * self.parts_per_second + ROUNDING))

    def ready_in(self, now: datetime) -> float:
        """Return in how many seconds one part is available."""
        return max(0.0, self._debt(now) - (self.burst - 1) / self.parts_per_second)

    def charge(self, parts: int, now: datetime, *, grace: timedelta = timedelta(0)) -> "Bucket":
        """Return the bucket after `parts` were claimed that are armed within `grace`."""
        start, cost = now + grace, timedelta(seconds=parts / self.parts_per_second)
        if self.tat is None or self.tat <= start:
            return replace(self, tat=start + cost, floor=max(self.tat or now, now), idle_at=now)
        return replace(self, tat=self.tat + cost, floor=max(self.floor or start, start) + cost)

    def refund(self, parts: int, charged_at: datetime) -> "Bucket":
        """Return the bucket after `parts` of what was claimed at an instant did not go.

        >>> from datetime import UTC
        >>> now = datetime(2026, 3, 15, tzinfo=UTC)
        >>> Bucket(2).charge(3, now).refund(2, now).ready_in(now)
        0.5
        """
        if self.tat is None or self.floor is None or self.idle_at is None or self.idle_at > charged_at:
            return self
        return replace(self, tat=max(self.tat - timedelta(seconds=parts / self.parts_per_second), self.floor))

    def forgive(self, parts: int, charged_at: datetime, *, early: timedelta) -> "Bucket":
        """Return the bucket after a claim of `parts` was armed `early`, with so much of its grace to go."""
        if self.tat is None or self.floor is None or self.idle_at != charged_at:
            return self
        least = self.floor + timedelta(seconds=parts / self.parts_per_second)
        return replace(self, tat=max(self.tat - early, min(least, self.tat)))

    def _debt(self, now: datetime) -> float:
        return 0.0 if self.tat is None else max(0.0, (self.tat - now).total_seconds())


def burst_for(parts_per_second: float) -> float:
    """Return how many parts may go at once at a pace: one from a long code, a quarter second's worth otherwise."""
    return max(1.0, parts_per_second / 4)


@dataclass(frozen=True, slots=True)
class Daily:
    """How many parts were taken on the `day` of a zone; they are counted where there is no `limit` too."""

    limit: int | None
    zone: str
    day: date | None = None
    parts: int = 0

    def used(self, now: datetime) -> int:
        """Return how many parts were taken today."""
        return self.parts if self.day == self._today(now) else 0

    def left(self, now: datetime, *, grace: timedelta = timedelta(0)) -> int | None:
        """Return how many may still go, None for any number; none at the very end, when they could leave tomorrow."""
        if self.limit is None:
            return None
        return max(0, self.limit - self.used(now)) if self._today(now + grace) == self._today(now) else 0

    def charge(self, parts: int, now: datetime) -> "Daily":
        """Return the count after `parts` were taken."""
        return replace(self, day=self._today(now), parts=self.used(now) + parts)

    def _today(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone)).date()


@dataclass(frozen=True, slots=True)
class Throttle:
    """A pace in parts per second as it is set, and what the refusals of a provider have left of it.

    `rate` is what was left at `cut_at`; `refused_at` is when the provider last said that it was too much.
    """

    set_rate: float
    rate: float | None = None
    cut_at: datetime | None = None
    refused_at: datetime | None = None

    def at(self, now: datetime) -> float:
        """Return the pace as it is now: five clean seconds after the last refusal it begins to come back."""
        if self.rate is None or self.refused_at is None:
            return self.set_rate
        clean = max(0.0, (now - self.refused_at - CLEAN).total_seconds())
        return min(self.set_rate, self.rate + RAISE * self.set_rate * clean)

    def cut(self, now: datetime) -> "Throttle":
        """Return it after a refusal; of many within a second, on however many hosts, the first counts.

        >>> from datetime import UTC
        >>> now = datetime(2026, 3, 15, tzinfo=UTC)
        >>> Throttle(100).cut(now).cut(now).at(now)
        70.0
        """
        if self.cut_at is not None and now - self.cut_at < CUT_EVERY:
            return replace(self, refused_at=now)
        left = max(CUT * self.at(now), min(LEAST, self.set_rate))
        return replace(self, rate=left, cut_at=now, refused_at=now)

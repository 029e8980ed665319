"""How far ahead of the wire a dispatcher works: not at all where texts go one by one, in batches at full speed.

A slot that is free waits neither for a claim nor for an arm where there is enough of both beside the slots. What is
armed ahead is so much more in doubt after a crash: no more than goes out while it is armed, and bounded by the slots.
"""

from time import monotonic

CLAIMED = 8  # times the slots at most, and
CLAIMED_SECONDS = 0.05  # at most what goes out in this time: the rest of a claim's grace is for the arm
ARMED = 2  # times the slots at most, and
ARMS = 2  # at most what goes out in the time of so many arms
LONGEST_ARM = 0.05  # seconds; one that waits for a lock is no measure
LATELY = 0.5  # seconds


class Ahead:
    """By how many texts a second have gone out lately through `slots` slots."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._per_second = 0.0
        self._arm_seconds = 0.0
        self._since, self._count = monotonic(), 0

    @property
    def claimed(self) -> int:
        """How many to hold claimed beside the slots and what is armed."""
        return min(CLAIMED * self._slots, int(self._rate * CLAIMED_SECONDS))

    @property
    def armed(self) -> int:
        """How many to arm beside the slots."""
        return min(ARMED * self._slots, int(self._rate * ARMS * self._arm_seconds))

    def note_arm(self, seconds: float) -> None:
        """Note how long an arm took."""
        self._arm_seconds += (min(seconds, LONGEST_ARM) - self._arm_seconds) / 4

    def count(self, texts: int) -> None:
        """Note that texts have gone out."""
        self._count += texts
        if (elapsed := monotonic() - self._since) >= CLAIMED_SECONDS:
            self._per_second = self._count / elapsed
            self._since, self._count = monotonic(), 0

    @property
    def _rate(self) -> float:
        elapsed = monotonic() - self._since
        return self._per_second if elapsed < LATELY else self._count / elapsed

"""When a provider is left alone: what its last calls say. In memory, of one daemon; no database, no clock.

A *failure* is a call that the provider answered for nobody: no connection, a 5xx, silence. Not one that it refused
for a reason of the text's, the number's or the sender's, and not "too fast".
"""

from collections import deque
from dataclasses import dataclass

WINDOW = 20.0  # seconds
MOMENTS = 10  # in a second
FAILURES = 5
FAILING = 0.5  # of the calls in the window
NOTHING_ELSE = 1.0  # seconds of failures alone, where there are many calls
SLOW = 10.0  # seconds
MANY = 20  # calls
SLOWEST = 0.05  # the part of the calls that a 95th percentile leaves out


@dataclass(slots=True)
class _Moment:
    """The calls that ended in a tenth of a second: thousands are noted and judged at little cost."""

    number: int
    calls: int = 0
    failures: int = 0
    slow: int = 0


class Breaker:
    """The last calls of one daemon through one provider. All instants are monotonic seconds."""

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque()
        self._in_a_row = 0
        self.last_said = ""
        self.answered_at = float("-inf")

    def note(self, *, ended: float, seconds: float, failed: bool, said: str = "") -> None:
        """Note a call that ended."""
        number = int(ended * MOMENTS)
        if not self._moments or self._moments[-1].number != number:
            self._moments.append(_Moment(number))
        moment = self._moments[-1]
        moment.calls += 1
        moment.failures += failed
        moment.slow += seconds > SLOW
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if failed:
            self.last_said = said
        else:
            self.answered_at = ended

    def note_failed_check(self, *, ended: float, said: str) -> None:
        """Note that the provider did not even say that it is there. That it did would say nothing of texts."""
        self.note(ended=ended, seconds=0.0, failed=True, said=said)

    def verdict(self, now: float, *, waiting: "tuple[float, ...]" = ()) -> str:
        """Say why the provider should be left alone, or an empty text; `waiting` is how long open calls last already.

        >>> breaker = Breaker()
        >>> for second in range(5):
        ...     breaker.note(ended=second, seconds=0.1, failed=True, said="refused")
        >>> breaker.verdict(5.0)
        'refused'
        """
        while self._moments and self._moments[0].number < int((now - WINDOW) * MOMENTS):
            self._moments.popleft()
        calls = sum(moment.calls for moment in self._moments)
        failures = sum(moment.failures for moment in self._moments)
        is_failing = failures >= FAILURES and failures >= FAILING * calls
        nothing_else = calls < MANY or self.answered_at <= now - NOTHING_ELSE  # among many, five may be chance
        if is_failing or (nothing_else and self._in_a_row >= FAILURES):
            return self.last_said or "it fails"
        overdue = sum(seconds > SLOW for seconds in waiting)
        slow = overdue + sum(moment.slow for moment in self._moments)
        if overdue + calls >= MANY and slow > SLOWEST * (overdue + calls):
            return f"it takes more than {SLOW:.0f} s to answer"
        return ""

    def is_suspicious(self, now: float) -> bool:
        """Say whether something failed lately, so that a closer look is due."""
        oldest = int((now - WINDOW) * MOMENTS)
        return any(moment.failures and moment.number >= oldest for moment in self._moments)

    def forget(self) -> None:
        """Begin anew."""
        self._moments.clear()
        self._in_a_row = 0

"""At which hour of the day somebody is best texted: the hour at which they have answered before.

What is known of people is thin. A reply and a click say when somebody had the telephone in their hand; a visit says
only its day, so it counts for the hour of the text that came shortly before. Most people have answered never or
once, and one answer is chance: who has given fewer than `ENOUGH_OF_ONE` is texted at the hour at which all others
answer, and where these are few too (`ENOUGH_OF_ALL`), nothing is learned: the text leaves as the window opens.

An hour that nobody knows to be good is never preferred to the beginning of the window, and no text waits for
another day because of it: the best hour is looked for among those that are open before the text expires.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.windows import LEAST_MEETING

ENOUGH_OF_ONE = 3  # answers
ENOUGH_OF_ALL = 30  # answers

_HOURS = 24
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Habit:
    """How many answers came in each hour of the local day, from 0 to 23."""

    answers: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many answers there were."""
        return sum(self.answers)

    def weight(self, hour: int) -> int:
        """Say how good an hour is: its own answers twice, those of the hours beside it once.

        >>> habit_of_hours([19, 19, 20]).weight(20)
        4
        """
        before, after = self.answers[hour - 1], self.answers[(hour + 1) % _HOURS]
        return 2 * self.answers[hour] + before + after


def habit_of(answers: Iterable[datetime], zone: ZoneInfo) -> Habit:
    """Count answers by the hour that the clocks of `zone` showed."""
    return habit_of_hours(answer.astimezone(zone).hour for answer in answers)


def habit_of_hours(hours: Iterable[int]) -> Habit:
    """Count answers by their local hour."""
    counts = [0] * _HOURS
    for hour in hours:
        counts[hour] += 1
    return Habit(tuple(counts))


def best_opening(spans: Iterable[tuple[datetime, datetime]], habit: Habit, *, zone: ZoneInfo) -> datetime | None:
    """Return the beginning of the best hour in open spans, in UTC; the earliest of several that are as good.

    None where no answer ever came at an hour that is open, nor beside one.
    """
    best, most = None, 0
    for start in _beginnings(spans, zone):
        if (weight := habit.weight(start.astimezone(zone).hour)) > most:
            best, most = start, weight
    return best


def _beginnings(spans: Iterable[tuple[datetime, datetime]], zone: ZoneInfo) -> Iterable[datetime]:
    """Yield where a span, or an hour of the clock inside it, begins with enough time left in the span."""
    for opens, closes in spans:
        start = opens
        while start + LEAST_MEETING <= closes:
            yield start
            start = _next_hour(start, zone)


def _next_hour(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after one at which the clocks of `zone` show another hour."""
    shown = instant.astimezone(zone)
    past = timedelta(minutes=shown.minute, seconds=shown.second, microseconds=shown.microsecond)
    return instant.astimezone(UTC) - past + _HOUR

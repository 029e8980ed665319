"""When a provider's records are looked at for a text whose answer was lost, and which look proves what.

Finding a text proves at any time that it was accepted. Not finding it proves nothing until the provider has had
time to list it, and then only twice: `lists_within` after the arm at the earliest, and again 0.3 of that later,
which is longer than a call may take from its arm on. What is undecided after the last look is looked for ever more
rarely, for a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.settings import Settings, variable_of

GIVE_UP = timedelta(days=1)
RECORDED = timedelta(hours=23)  # records reach back a day from their newest (Provider.list_to); clocks differ


@dataclass(frozen=True, slots=True)
class Looks:
    """The times of the looks `after` the arm, and how many `seconds_between` two requests of the whole fleet."""

    after: Sequence[timedelta] = tuple(timedelta(seconds=each) for each in (5, 30, 120, 180))
    lists_within: timedelta = timedelta(seconds=120)
    seconds_between: float = 1.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read them from the settings. Raises: ConfigurationError."""
        within = timedelta(seconds=settings.provider_lists_within)
        return cls(_times(settings.reconcile_after), within, settings.seconds_between_lists)

    @property
    def gap(self) -> timedelta:
        """How long a look may take before another daemon takes it over."""
        return self.lists_within / 4

    @property
    def apart(self) -> timedelta:
        """How far two looks that prove an absence lie apart at least: a call may last 35 s from its arm on."""
        return self.lists_within * 0.3

    @property
    def last(self) -> timedelta:
        """When the last look of the plan is, after the arm."""
        return self.after[-1]

    def counts(self, started_at: datetime, *, at: datetime) -> bool:
        """Say whether not to find a text `at` this time is worth anything."""
        return self.lists_within <= at - started_at <= RECORDED

    def proves(self, absent_at: datetime | None, *, at: datetime) -> bool:
        """Say whether not to find a text `at` this time proves that it is not there; `absent_at` is the first such."""
        return absent_at is not None and at >= absent_at + self.apart

    def next_at(self, started_at: datetime, *, absent_at: datetime | None, now: datetime) -> datetime:
        """Return when to look again after a look `now` that settled nothing."""
        planned = [started_at + each for each in self.after if started_at + each > now]
        if absent_at is not None:
            return max(*planned[:1], now, absent_at + self.apart)
        return planned[0] if planned else now + max(self.gap, (now - started_at) / 2)


def _times(text: str) -> tuple[timedelta, ...]:
    """Read "5,30,120,180"."""
    try:
        seconds = [float(each) for each in text.split(",")]
    except ValueError:
        seconds = []
    if not seconds or not 0 < seconds[0] <= seconds[-1] < GIVE_UP.total_seconds():
        seconds = []
    if not seconds or any(earlier >= later for earlier, later in pairwise(seconds)):
        raise ConfigurationError(
            f'{variable_of("reconcile_after")} is "{text}"; it must be seconds, each more than the one before',
            hint="the default is 5,30,120,180",
        )
    return tuple(timedelta(seconds=each) for each in seconds)

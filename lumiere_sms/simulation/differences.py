"""What differs between two calendars, by day and campaign. Two of the same state and the same files do not differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lumiere_sms.simulation.calendar import Calendar, Entry

Key = tuple[date, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A campaign's texts of one day in the one calendar and in the other; None where it has none."""

    day: date
    campaign: str
    before: Entry | None
    after: Entry | None

    @property
    def is_of_others(self) -> bool:
        """Whether as many texts go as before, but not to the same people, or not the same variant or step."""
        return self.before is not None and self.after is not None and self.before.who != self.after.who


def compare(before: Calendar, after: Calendar) -> tuple[Difference, ...]:
    """Return what differs, in order."""
    old, new = _by_key(before), _by_key(after)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return tuple(Difference(key[0], key[1], old.get(key), new.get(key)) for key in keys)


def _by_key(calendar: Calendar) -> Mapping[Key, Entry]:
    return {(day.day, entry.campaign, entry.currency or ""): entry for day in calendar.days for entry in day.entries}

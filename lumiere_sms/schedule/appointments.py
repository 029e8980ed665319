"""When a reminder of an appointment goes, and until when it is worth sending.

*Days before* are days of the calendar: of an appointment at 20:00, the reminder of one day before belongs to the day
before, and goes in a window of that day, 18:00-19:00 say, although that is 26 hours ahead. *Hours before* are hours:
the reminder goes from then on, as soon as a window is open. Whose last window has ended gets none; and none is sent
when the appointment has begun.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lumiere_sms.schedule.instants import instant_of

_DAY = timedelta(days=1)
#: A zone's day is an hour longer where its clocks are put back; two, to be on the safe side.
_LONGEST_DAY = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Offset:
    """How long before its appointment a reminder is wished for."""

    before: timedelta

    @property
    def is_in_days(self) -> bool:
        """Whether it counts days of the calendar.

        >>> Offset(timedelta(days=2)).is_in_days, Offset(timedelta(hours=30)).is_in_days
        (True, False)
        """
        return not self.before % _DAY

    def wish(self, appointment: datetime, zone: ZoneInfo) -> datetime:
        """Return from when on the reminder of an appointment may go, in UTC: its windows decide the rest.

        >>> Offset(timedelta(days=1)).wish(datetime(2026, 3, 15, 11, tzinfo=UTC), ZoneInfo("Asia/Tokyo")).isoformat()
        '2026-03-13T15:00:00+00:00'
        """
        if not self.is_in_days:
            return appointment.astimezone(UTC) - self.before
        day = appointment.astimezone(zone).date() - self.before
        return instant_of(datetime.combine(day, time()), zone)

    def patience(self, expires_after: timedelta | None) -> timedelta | None:
        """Return how long after the wish a reminder is still sent; None: until the last window of its day ends."""
        if self.is_in_days:
            return expires_after
        return min(self.before, expires_after or self.before)

    def horizon(self, until: datetime) -> datetime:
        """Return an instant behind which no appointment's reminder is wished for before `until`, in any zone."""
        return until + self.before + (_LONGEST_DAY if self.is_in_days else timedelta(0))


def midnight_after(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return when the day after that of `instant` begins in a zone, in UTC.

    >>> midnight_after(datetime(2026, 3, 15, 1, tzinfo=UTC), ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-03-15T15:00:00+00:00'
    """
    return instant_of(datetime.combine(instant.astimezone(zone).date() + _DAY, time()), zone)

"""The time, as an argument. The only file that reads the machine's clock.

Leases and limits use the database's clock, the one clock that all hosts share: statements say
`coalesce(%(now)s, now())`, and `database_now()` is what they get: None from a real clock, so
that the database's own applies, and the time itself from a virtual one.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Every instant is aware and in UTC."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...

    def database_now(self) -> datetime | None:
        """Return what statements bind as `now`: None lets the database's clock speak."""
        ...


class SystemClock:
    """The machine's clock; the database's for whatever hosts must agree on."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    def database_now(self) -> None:
        """Leave the time to the database."""


class VirtualClock:
    """A clock that starts where it is told and then runs at the machine's pace (for `demo`)."""

    def __init__(self, start: datetime) -> None:
        self._ahead: timedelta = start - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the virtual time."""
        return datetime.now(UTC) + self._ahead

    def database_now(self) -> datetime:
        """Return the virtual time: the database's own would not fit it."""
        return self.now()

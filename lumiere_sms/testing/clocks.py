"""Clocks for tests and proofs."""

from datetime import datetime, timedelta

from lumiere_sms.clock import SystemClock


class FrozenClock:
    """Stands still until told to move. Binds its own time in statements, so that the database agrees."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return where it stands."""
        return self._now

    def database_now(self) -> datetime:
        """Return where it stands."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self._now += by


class HurriedClock:
    """Runs `speed` times as fast as the machine's from the instant `since` on; agrees with others made alike."""

    def __init__(self, speed: float, since: datetime) -> None:
        self._speed = speed
        self._since = since

    def now(self) -> datetime:
        """Return the hurried time."""
        return self._since + (SystemClock().now() - self._since) * self._speed

    def database_now(self) -> datetime:
        """Return the hurried time: the database's own would not fit it."""
        return self.now()

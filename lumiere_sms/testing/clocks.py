"""A clock for tests."""

from datetime import datetime, timedelta


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

"""Claimers for a clock that stands still."""

from datetime import datetime

from lumiere_sms.database.connection import Database
from lumiere_sms.sending.claiming import BUSY, Claimer, Round


class Unhurried(Claimer):
    """No arm is late there, and grace that was charged for a late one would never pass; nor is idling worth a wait."""

    def claim(self, database: Database, *, slots: int, now: datetime | None) -> Round:
        found = super().claim(database, slots=slots, now=now)
        found.wait = min(found.wait, BUSY)
        return found

    def note_arm(self, seconds: float) -> None:
        pass

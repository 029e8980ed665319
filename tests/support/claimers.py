"""Claimers for a clock that stands still."""

from lumiere_sms.sending.claiming import Claimer


class Unhurried(Claimer):
    """No arm is late there, and grace that was charged for a late one would never pass."""

    def note_arm(self, seconds: float) -> None:
        pass

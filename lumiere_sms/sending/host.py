"""What everything of one daemon shares, whichever provider it goes through."""

from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database


class Idling:
    """Which dispatchers of a daemon rest: a single pass is over when all do.

    What one provider does not take may be another's to send, so none ends while another is at work.
    """

    def __init__(self) -> None:
        self._members: set[object] = set()
        self._idle: set[object] = set()

    def join(self, member: object) -> None:
        """Count a dispatcher in, as busy."""
        self._members.add(member)

    def rest(self, member: object) -> bool:
        """Note that a dispatcher has nothing to do; say whether now all rest."""
        self._idle.add(member)
        return self._idle == self._members

    def wake(self, member: object) -> None:
        """Note that a dispatcher has something to do."""
        self._idle.discard(member)


@dataclass(frozen=True, slots=True)
class Host:
    """One daemon, as its parts see it. `daemon` is its id in the database."""

    database: Database
    daemon: UUID
    clock: Clock
    chance: Random
    idling: Idling = field(default_factory=Idling)

"""What everything of one daemon shares, whichever provider it goes through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database


class Idling:
    """Who of a daemon rests: a single pass is over when all do.

    What one provider does not take may be another's to send, so no dispatcher ends before all have looked, and found
    nothing, after the last thing that happened; nor does one while a text is in doubt that may turn out to be unsent.
    """

    def __init__(self) -> None:
        self._looks: dict[object, int] = {}  # of each dispatcher: how much had happened at its last look in vain
        self._nudges: dict[object, Callable[[bool], None]] = {}
        self._watchers: set[object] = set()
        self._watching: set[object] = set()  # those at work
        self._happened = 0
        self.is_over = False
        self.doubts = 0  # texts whose answer was lost, so far
        self.unsettled = 0  # of these, the ones that the database does not know of yet

    def join(self, member: object, nudge: Callable[[bool], None]) -> None:
        """Count a dispatcher in, as busy; `nudge` makes it look again at once, and everywhere if told so."""
        self._looks[member] = -1
        self._nudges[member] = nudge

    def watch(self, member: object) -> None:
        """Count in who is at work only while a text is in doubt."""
        self._watchers.add(member)

    def doubt(self, texts: int = 1) -> None:
        """Note texts whose answer was lost."""
        self.doubts += texts
        self.unsettled += texts
        self._watching |= self._watchers

    def settled(self, texts: int) -> None:
        """Note that texts in doubt are in the database now."""
        self.unsettled -= texts

    @property
    def happened(self) -> int:
        """How much has happened so far: a dispatcher reads it before it looks for something to do."""
        return self._happened

    def rest(self, member: object, *, since: int = 0) -> None:
        """Note that a watcher has nothing to do, or that a dispatcher, `since` when, found nothing."""
        if member in self._looks:
            self._looks[member] = since
        elif member in self._watching:
            self._watching.discard(member)
            self._happened += 1  # what it found out may be for a dispatcher to send
        if not self.is_over and not self._watching and all(look == self._happened for look in self._looks.values()):
            self.is_over = True
            self._nudge(list(self._looks))  # once: a daemon, which goes on, would else look again without a rest
        else:
            self._nudge([each for each, look in self._looks.items() if each is not member and look < since])

    def wake(self, member: object) -> None:
        """Note that a member has something to do."""
        self._watching |= {member} & self._watchers
        self._happened += 1

    def stir(self) -> None:
        """Let all dispatchers look again at once: something has changed for them."""
        self._happened += 1
        self._nudge(list(self._looks), everywhere=True)

    def _nudge(self, members: Sequence[object], *, everywhere: bool = False) -> None:
        for member in members:
            self._nudges[member](everywhere)


@dataclass(frozen=True, slots=True)
class Host:
    """One daemon, as its parts see it. `daemon` is its id in the database."""

    database: Database
    daemon: UUID
    clock: Clock
    chance: Random
    idling: Idling = field(default_factory=Idling)

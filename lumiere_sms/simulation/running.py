"""The simulated time itself: leap to the next moment, do what is due, send what may go, put right what time did."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, LiteralString

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.database.connection import Database
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.simulation.moments import Moment, Outlook, next_moment, time_to_fill
from lumiere_sms.simulation.submitting import Submitter
from lumiere_sms.simulation.wiring import Wiring
from lumiere_sms.testing.clocks import FrozenClock

LAUNCHES_IN_A_ROW = 100  # at one instant; more would be a run that is due again and again
GARBAGE = 100_000, 50, 100  # allocations before the collector looks
GROWN = 2  # times as many texts as at the last look, and the planner is told

#: Told of each moment that is met.
Told = Callable[[datetime], None]


def live_through(
    database: Database, tenant: Tenant, *, clock: FrozenClock, until: datetime, wiring: Wiring, told: Told
) -> None:
    """Live from where the clock stands `until` then, which is not lived any more; `told` of each moment."""
    for outlet in wiring.outlets:
        outlet.register(database)
    moment = Moment(clock.now(), is_event=True)
    with Submitter(database, tenant.id, outlets=wiring.outlets, clock=clock) as submitter, _uncollected():
        life = _Life(database, tenant, clock=clock, wiring=wiring, submitter=submitter)
        while moment.at < until:
            clock.advance(moment.at - clock.now())
            life.meet(moment)
            told(moment.at)
            moment = life.next()
        clock.advance(until - clock.now())
        life.sweep()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from reading through all that there is again and again: cycles are few."""
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Life:
    """Meets one moment after the other."""

    def __init__(
        self, database: Database, tenant: Tenant, *, clock: FrozenClock, wiring: Wiring, submitter: Submitter
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._clock = clock
        self._wiring = wiring
        self._submitter = submitter
        self._zones = self._days_of()
        self._is_paced = False
        self._is_news = False  # whether a text has gone since it was looked for who enters a sequence
        self._planned_for = 1_000  # recipients, when the planner was told last
        self._recipients = 0

    def meet(self, moment: Moment) -> None:
        """Do what is due at a moment and send what may go."""
        if moment.is_event:
            self.sweep()  # between events nobody asks who has expired
            self._launch()
        sent = self._submitter.send(ahead=time_to_fill(moment, self._event()[0]))
        self._is_paced, self._is_news = sent.is_paced, self._is_news or sent.texts > 0

    def next(self) -> Moment:
        """Return the next moment, as the rows have it."""
        event, is_open = self._event()
        row = self._row("next_text")
        outlook = Outlook(event, row["text"], row["step"], is_paced=self._is_paced, is_open=is_open and self._is_news)
        return next_moment(self._clock.now(), outlook, zones=self._zones)

    def _launch(self) -> None:
        """Do what is due until nothing is: a launch may place another occurrence that is due already."""
        self._is_news = False
        do_all = partial(do_what_is_due, self._database, clock=self._clock, prices=self._wiring.prices)
        for _ in range(LAUNCHES_IN_A_ROW):
            launched = do_all()
            if not launched:
                break
            self._recipients += sum(each.kept for each in launched)
        if self._recipients >= GROWN * self._planned_for:
            self._planned_for = self._recipients
            with self._database.connect() as connection:
                connection.execute("ANALYZE campaign_recipients, submissions, campaign_occurrences")

    def sweep(self) -> None:
        """Put right what time did: leases that are over, windows that have ended, runs that are finished."""
        while sweep(self._database, clock=self._clock)["expired"]:
            pass

    def _event(self) -> tuple[datetime | None, bool]:
        row = self._row("next_event")
        is_open: bool = row.pop("is_open")
        return min((at for at in row.values() if at), default=None), is_open

    def _row(self, name: LiteralString) -> dict[str, Any]:
        binds = {"user_id": self._tenant.id, "now": self._clock.now()}
        with self._database.transaction(read_only=True) as connection:
            (row,) = connection.execute(statement(__package__, name), binds).fetchall()
        return row

    def _days_of(self) -> list[str]:
        """Return the zones whose midnights matter: the tenant's, and those in which senders count their days."""
        with self._database.transaction(read_only=True) as connection:
            found = connection.execute("SELECT DISTINCT zone FROM pace_limits WHERE zone IS NOT NULL").fetchall()
        return sorted({self._tenant.timezone, *(row["zone"] for row in found)})

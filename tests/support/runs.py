"""Runs of campaigns on a clock that leaps from text to text."""

from datetime import datetime, timedelta
from uuid import UUID

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.launch import Launched
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.simulation.submitting import Submitter
from lumiere_sms.simulation.wiring import Wiring
from lumiere_sms.testing.clocks import FrozenClock

NOW = timedelta(0)


def run_to_its_end(
    database: Database,
    user_id: UUID,
    *,
    clock: FrozenClock,
    wiring: Wiring,
    tick: timedelta,
    until: datetime | None = None,
) -> list[Launched]:
    """Do what is due and send it, looking every `tick` while anything is due, until nothing is left.

    What is scheduled later than now is waited for `until` then.
    """
    for outlet in wiring.outlets:
        outlet.register(database)
    launched, until = [], until or clock.now()
    with Submitter(database, user_id, outlets=wiring.outlets, clock=clock) as submitter:
        while (coming := next_event(database, clock, until=until)) is not None:
            clock.advance(max(NOW, coming - clock.now()))
            launched += do_what_is_due(database, clock=clock, prices=wiring.prices)
            submitter.send(ahead=NOW)
            clock.advance(tick)
    return launched


def next_event(database: Database, clock: Clock, *, until: datetime) -> datetime | None:
    """Return when the next text that does not expire before may go, a wave is decided on, or something is launched."""
    with database.transaction() as connection:
        row = connection.execute(_NEXT, {"now": clock.now(), "until": until}).fetchone()
    return row["at"]


_NEXT = """
    SELECT min(greatest(at, %(now)s)) AS at FROM (
        SELECT send_after AS at FROM campaign_recipients
        WHERE status = 'pending' AND greatest(send_after, %(now)s) < expires_at - interval '2 minutes'
        UNION ALL
        SELECT advance_at FROM campaign_occurrences WHERE status = 'running' AND phase IN ('canary', 'trial')
        UNION ALL
        SELECT occurs_at FROM campaign_occurrences JOIN sms_campaigns ON sms_campaigns.id = campaign_id
        WHERE campaign_occurrences.status = 'scheduled' AND occurs_at <= %(until)s
          AND sms_campaigns.status IN ('scheduled', 'running')
    ) AS found
"""

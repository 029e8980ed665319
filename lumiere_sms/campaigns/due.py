"""All that is due: what a daemon does every second, and a simulation at every instant at which something may be."""

from collections.abc import Callable

from lumiere_sms.campaigns.advancing import advance_waves
from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.campaigns.launch import Launched, launch_due
from lumiere_sms.campaigns.standing import take_in, turn_pages
from lumiere_sms.campaigns.stop_queries import stop_where_asked
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.time import database_time


def do_what_is_due(
    database: Database,
    *,
    clock: Clock,
    prices: Prices,
    stop_role: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Launched]:
    """Launch what is due, wave by wave; return what was launched, or why it was paused instead.

    With a `stop_role` (an empty one is the database's own), campaigns' own reasons to stop are asked first; so what
    falls due while they are asked waits for the next turn.
    """
    with database.transaction(read_only=True) as connection:
        due_by = database_time(connection, clock.database_now())
    if stop_role is not None:
        stop_where_asked(database, clock=clock, role=stop_role, only_due_by=due_by)
    turn_pages(database, clock=clock)
    launched = launch_due(database, clock=clock, prices=prices, due_by=due_by, progress=progress)
    launched += advance_waves(database, clock=clock, prices=prices, progress=progress)
    return launched + take_in(database, clock=clock, prices=prices, progress=progress)

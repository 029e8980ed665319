"""Claims: are the last of a million texts claimed as fast as the first, and sent as fast?

Each claim leaves dead rows behind, and an index that is walked from its start walks all of them. One daemon
sends them all; the floor of the claims in its last tenth are those in its first. Once alone, once beside a
report whose snapshot is open all the while, so that nothing can be cleaned up.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from time import monotonic
from typing import Any

from measuring import Figure, Goal, resident_mib, run_side
from people import one
from provider import open_provider
from sending import SLOTS, seed, settings
from server import Server

ROWS = 1_000_000
TENTH = 10
CLAIMS = Goal("≤ 1.25 × the first tenth", at_most=1.25)
RATES = Goal("≥ 0.8 × the first tenth", at_least=0.8)
MEMORY = Goal("≤ 100 MiB", at_most=100)
_TENTHS = """
    WITH settled AS (SELECT settled_at, ntile(10) OVER (ORDER BY settled_at) AS tenth FROM submissions)
    SELECT count(*) FILTER (WHERE tenth = %(tenth)s)
        / extract(epoch FROM max(settled_at) FILTER (WHERE tenth = %(tenth)s)
            - min(settled_at) FILTER (WHERE tenth = %(tenth)s))::float8 AS rate
    FROM settled
"""


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Send `rows` texts (a million unless told) in each of at most two turns, alone and beside a report."""
    seeded = server.new_database()
    seed(seeded, rows or ROWS)
    with open_provider() as url:
        for is_beside, where in ((False, "alone"), (True, "beside an open report")):
            found = [_worked_off(server, seeded, url, is_beside=is_beside) for _ in range(min(runs, 2))]
            last, first, rates, first_rates, peaks = zip(*found, strict=True)
            yield Figure("claims", f"a claim, {where}", "ms", last, first, "its first tenth", CLAIMS)
            yield Figure("claims", f"last tenth, {where}", "texts/s", rates, first_rates, "its first tenth", RATES)
            yield Figure("claims", f"peak memory, {where}", "MiB", peaks, goal=MEMORY)
    server.drop(seeded)


def _worked_off(server: Server, seeded: Any, url: str, *, is_beside: bool) -> tuple[float, ...]:
    database = server.new_database(like=seeded)
    with ExitStack() as report:
        if is_beside:
            reader = report.enter_context(database.connect())
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM campaign_recipients")
        said = run_side("claims", "worked_off", env=settings(database.url, url))
    first, last = (one(database, _TENTHS, tenth=tenth)["rate"] for tenth in (1, TENTH))
    server.drop(database)
    return said["last"], said["first"], last, first, said["peak_mib"]


def worked_off() -> dict[str, Any]:
    """Send all there is in this process; return how long a claim took in the first and the last tenth, in ms."""
    from lumiere_sms import logs  # noqa: PLC0415 - a side imports only what it measures
    from lumiere_sms.daemon import Runner  # noqa: PLC0415
    from lumiere_sms.runtime import Runtime  # noqa: PLC0415
    from lumiere_sms.settings import Settings  # noqa: PLC0415

    logs.set_up(as_json=False)
    runner = Runner(Runtime(Settings.read()))
    claimer = _Timed(runner._lanes[0].dispatcher._claimer)
    runner._lanes[0].dispatcher._claimer = claimer
    asyncio.run(runner.run(once=True))
    tenth = len(claimer.took) // TENTH
    first, last = median(claimer.took[:tenth]), median(claimer.took[-tenth:])
    return {"first": 1000 * first, "last": 1000 * last, "peak_mib": resident_mib("VmHWM")}


class _Timed:
    """Times the claims that bring about as many texts as there are slots, or more."""

    def __init__(self, claimer: Any) -> None:
        self._claimer = claimer
        self.took: list[float] = []

    def claim(self, *given: Any, **named: Any) -> Any:
        begun = monotonic()
        found = self._claimer.claim(*given, **named)
        if len(found.work) >= SLOTS:
            self.took.append(monotonic() - begun)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._claimer, name)

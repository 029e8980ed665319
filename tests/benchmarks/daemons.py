"""Daemons: a provider that takes its time, as real ones do, against what the slots allow.

With so many calls in flight and so many seconds a call, slots ÷ seconds is all that may go out: that is the
floor, computed. One daemon with 64 slots at 100 ms a call, two and four of them on one campaign, and one with
256 slots at 150 ms.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from measuring import Figure, Goal, run_side
from provider import open_provider
from sending import SLOTS, engine_run, seed, settings, wire_seconds
from server import Server

SECONDS = 6  # of sending, about, in each turn
WIDE = 256
GOAL = Goal("≥ 0.9 of slots ÷ seconds", at_least=0.9)
SEVERAL = Goal("≥ 1.5 × one daemon", at_least=1.5)


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Send for about six seconds in each turn, or `rows` texts."""
    with open_provider(seconds=0.1) as url:
        found = {}
        for daemons in (1, 2, 4):
            most = daemons * SLOTS / 0.1
            found[daemons] = _rates(server, url, rows or int(most * SECONDS), runs, daemons=daemons)
            yield _figure(f"{daemons} with {SLOTS} slots, 100 ms a call", found[daemons], most)
        yield Figure("daemons", "2 daemons to 1", "texts/s", found[2], found[1], "1 daemon", SEVERAL)
    with open_provider(seconds=0.15) as url:
        most = WIDE / 0.15
        rates = _rates(server, url, rows or int(most * SECONDS), runs, slots=WIDE)
        yield _figure(f"1 with {WIDE} slots, 150 ms a call", rates, most)


def _figure(what: str, rates: tuple[float, ...], most: float) -> Figure:
    return Figure("daemons", what, "texts/s", rates, (most,) * len(rates), "slots ÷ seconds", GOAL)


def _rates(
    server: Server, url: str, texts: int, runs: int, *, daemons: int = 1, slots: int = SLOTS
) -> tuple[float, ...]:
    seeded = server.new_database()
    seed(seeded, texts)
    if daemons == 1:
        seconds = [engine_run(server, seeded, url, slots=slots)["wire_seconds"] for _ in range(runs)]
    else:
        seconds = [_together(server, seeded, url, daemons) for _ in range(runs)]
    server.drop(seeded)
    return tuple(texts / each for each in seconds)


def _together(server: Server, seeded: Any, url: str, daemons: int) -> float:
    database = server.new_database(like=seeded)
    env = settings(database.url, url)
    with ThreadPoolExecutor(daemons) as processes:
        list(processes.map(lambda _: run_side("sending", "engine", env=env), range(daemons)))
    took = wire_seconds(database)
    server.drop(database)
    return took

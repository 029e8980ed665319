"""Refusals: a third of 5,000 people refuse while four daemons text them, by reply, link, operator, provider's list.

What is told is no speed but a proof: how many texts were armed after the commit of their number's refusal (none may),
how many people got two texts or none without a refusal, and how many refusals came in time. The race and how it is
judged stand in tests/support/refusals.py; a small one is a test.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from measuring import Figure, Goal
from server import Server, default_tenant

TEXTS, DAEMONS = 5_000, 4
NONE = Goal("none", at_most=0)


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Let 5,000 be texted, or `rows`, in each run."""
    sys.path.append(str(Path(__file__).parents[1]))
    races, seconds = zip(*(_race(server, rows or TEXTS) for _ in range(runs)), strict=True)
    for name, what in {
        "late": "armed after its refusal's commit",
        "twice": "second texts",
        "lost": "neither texted nor refused",
        "unconfirmed": "not confirmed just once",
    }.items():
        yield Figure("refusals", what, "texts", tuple(getattr(each, name) for each in races), goal=NONE)
    yield Figure("refusals", "people who refused", "people", tuple(each.refused for each in races))
    yield Figure("refusals", "of them in time", "people", tuple(each.in_time for each in races))
    yield Figure("refusals", f"{DAEMONS} daemons, all told", "s", seconds)


def _race(server: Server, texts: int) -> tuple[Any, float]:
    from support.refusals import race  # noqa: PLC0415 - the tests' own folder

    database, begun = server.new_database(), monotonic()
    with TemporaryDirectory(prefix="benchmark-") as folder:
        found = race(database, Path(folder), user_id=default_tenant(database), texts=texts, daemons=DAEMONS)
    seconds = monotonic() - begun
    server.drop(database)
    return found, seconds

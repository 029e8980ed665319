"""Start-up: the whole process of `lumiere-sms --help` against one that only imports typer.

An operator types commands; a second of imports before each is felt. Nothing below typer can be saved, so
importing it is the floor.
"""

import sys
from collections.abc import Iterator

from measuring import Figure, Goal, environment, run_process, turns
from server import Server

GOAL = Goal("≤ 2.5 × import typer", at_most=2.5)
AT_LEAST = 15  # turns: a process that ends in 0.2 s is cheap to run and noisy


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Start both processes in turns, 15 at least."""
    found = turns(
        max(runs, AT_LEAST),
        lambda: _milliseconds("-m", "lumiere_sms", "--help"),
        lambda: _milliseconds("-c", "import typer"),
    )
    values, floors = zip(*found, strict=True)
    yield Figure("startup", "lumiere-sms --help", "ms", values, floors, "python -c 'import typer'", GOAL)


def _milliseconds(*arguments: str) -> float:
    return 1000 * run_process([sys.executable, *arguments], env=environment()).seconds

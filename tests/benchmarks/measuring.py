"""How the benchmarks measure: against a floor, in the same run, turn by turn.

Seconds say more about a machine, and about who else uses it, than about a program. A *floor* is the same
work with nothing around it: the bare SDK, the bare COPY. Product and floor take turns, so that both meet
the same neighbours, and what is told is the median of the ratios of each turn. Only ratios travel.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Goal:
    """What PERFORMANCE.md asks of a figure's ratio to its floor, or of its value where there is no floor."""

    text: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, measured: float) -> bool:
        """Say whether a measure is as good as the goal."""
        return (self.at_least is None or measured >= self.at_least) and (
            self.at_most is None or measured <= self.at_most
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured: `values` and, where there is a floor, the `floors` of the same turns, in `unit`."""

    benchmark: str
    what: str
    unit: str
    values: tuple[float, ...]
    floors: tuple[float, ...] = ()
    floor_is: str = ""
    goal: Goal | None = None
    goal_is_of_value: bool = False

    @property
    def value(self) -> float:
        """The middle of the values."""
        return median(self.values)

    @property
    def floor(self) -> float | None:
        """The middle of the floors."""
        return median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The middle of what each turn's value is to its floor."""
        ratios = [value / floor for value, floor in zip(self.values, self.floors, strict=True)] if self.floors else []
        return median(ratios) if ratios else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.goal.is_met(self.value if self.ratio is None or self.goal_is_of_value else self.ratio)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        names = ("benchmark", "what", "unit", "value", "floor", "floor_is", "ratio", "values", "floors", "is_met")
        return {**{name: getattr(self, name) for name in names}, "goal": self.goal.text if self.goal else None}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a process took: wall and CPU seconds, its peak resident memory in MiB, and what it printed."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    said: str


def turns(runs: int, *sides: Callable[[], Any]) -> list[tuple[Any, ...]]:
    """Let the sides take turns `runs` times, the first one going first and last by turns; return what each said."""
    found = []
    for turn in range(runs):
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        said = {side: sides[side]() for side in order}
        found.append(tuple(said[side] for side in range(len(sides))))
    return found


def run_process(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end and measure it. Raises: SystemExit with its words when it fails."""
    with TemporaryFile() as errors:
        begun = monotonic()
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, cwd=CHECKOUT)
        said = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        seconds = monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{errors.read().decode()}\n{' '.join(command)} ended with {process.returncode}")
    return Finished(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said.decode())


def run_side(module: str, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run one side of a benchmark, a function of a module here, in a process of its own; return what it measured."""
    command = [sys.executable, str(HERE / "side.py"), module, name, *arguments]
    return dict(json.loads(run_process(command, env=env).said))


def resident_mib(field: str = "VmRSS") -> float:
    """Return this process's resident memory now, or with `VmHWM` its peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def environment(**given: str) -> dict[str, str]:
    """Return this environment with no settings of the tool's but those given."""
    ours = ("LUMIERE_SMS_", "TWILIO_", "DATABASE_URL")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **given}

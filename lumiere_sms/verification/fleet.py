"""Daemons as real processes, several at once: started, killed, frozen, and started again.

A daemon that has an appointment with death (fates.py) dies by its own hand or is killed here; another takes its
place. One that is frozen is thawed after a while, lives on a little, and is drained.
"""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from time import monotonic, sleep

from lumiere_sms.verification.fates import Fate, Moment, Orders

PATIENCE = 12.0  # seconds until a daemon that does not come to its moment is killed all the same
AFTERLIFE = 2.0  # seconds that a thawed daemon lives on
SHORT = 0.02  # seconds between looks
DRAIN = 45.0  # seconds that a daemon may take to end
KILLED = -signal.SIGKILL
OURS = ("LUMIERE_SMS_", "TWILIO_", "AWS_", "DATABASE_URL")


_DIED_OF = re.compile(r"^Traceback .*?^(\S.*?)$", re.DOTALL | re.MULTILINE)


@dataclass(slots=True)
class _Daemon:
    process: "subprocess.Popen[bytes]"
    orders: Orders
    born: float
    works_since: float | None = None

    @property
    def is_over(self) -> bool:
        """Say whether it has ended by itself."""
        return self.process.poll() is not None

    def is_due(self, now: float) -> bool:
        """Say whether it is to be killed from outside now."""
        fate = self.orders.fate
        if fate.moment is None:
            return False
        if self.works_since is None and self.orders.mark.exists():
            self.works_since = now
        if fate.moment is Moment.ANY and self.works_since is not None:
            return now - self.works_since >= fate.seconds
        return now - self.born >= PATIENCE


@dataclass(slots=True)
class _Sleeper:
    """A daemon that was frozen. At `at` it is thawed, then told to drain, then given up."""

    daemon: _Daemon
    at: float
    is_thawed: bool = False
    is_draining: bool = False


class Fleet:
    """`size` daemons that work, whatever becomes of each. Counts deaths by kind, and what ended unbidden."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        settings: Mapping[str, str],
        speed: float,
        since: datetime,
        fates: Sequence[Fate],
    ) -> None:
        self._folder = folder
        self._size = size
        self._environment = {**_plain_environment(), **settings}
        self._speed = speed
        self._since = since
        self._fates = list(fates)
        self._started = 0
        self._daemons: list[_Daemon] = []
        self._sleepers: list[_Sleeper] = []
        self.kills: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.freezes = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the daemons alive for a while; none outlives it."""
        self._daemons = [self._start() for _ in range(self._size)]
        try:
            yield
        finally:
            for each in self._everybody():
                each.process.kill()
                each.process.wait()

    def look(self) -> None:
        """Do what is due: bury, kill, replace, thaw."""
        now = monotonic()
        for place, each in enumerate(self._daemons):
            if each.is_over or each.is_due(now):
                self._bury(each)
                self._daemons[place] = self._start()
        self._sleepers = [each for each in self._sleepers if not self._is_gone(each, now)]

    def freeze(self, chance: Random, *, seconds: float) -> None:
        """Freeze a daemon that works, for so long, and put another in its place."""
        working = [place for place, each in enumerate(self._daemons) if each.orders.mark.exists()]
        if not working or any(not each.is_thawed for each in self._sleepers):
            return
        place = chance.choice(working)
        frozen = self._daemons[place]
        frozen.process.send_signal(signal.SIGSTOP)
        self._sleepers.append(_Sleeper(frozen, monotonic() + seconds))
        self._fates.append(frozen.orders.fate)
        self._daemons[place] = self._start()
        self.freezes += 1

    def drain(self) -> None:
        """Thaw and end all of them the gentle way."""
        sleepers = [*self._sleepers, *(_Sleeper(each, 0.0) for each in self._daemons)]
        self._daemons = []
        while sleepers:
            now = monotonic()
            for each in sleepers:
                each.at = each.at if each.is_draining else 0.0
            sleepers = self._sleepers = [each for each in sleepers if not self._is_gone(each, now)]
            sleep(SHORT)

    def last_words(self) -> list[str]:
        """Return what daemons died of that was nobody's doing: a log's name and the line below its traceback."""
        logs = {path.name: path.read_text(encoding="utf-8") for path in sorted(self._folder.glob("*.log"))}
        return [f"{name}: {found[1]}" for name, text in logs.items() if (found := _DIED_OF.search(text))]

    def _everybody(self) -> list[_Daemon]:
        return [*self._daemons, *(each.daemon for each in self._sleepers)]

    def _start(self) -> _Daemon:
        self._started += 1
        fate = self._fates.pop() if self._fates else Fate()
        orders = Orders(fate, self._speed, self._since, self._folder / f"daemon{self._started}.works")
        command = [sys.executable, "-m", "lumiere_sms.verification.victim", orders.to_json()]
        with orders.mark.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program, told by ourselves
                command, env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )
        return _Daemon(process, orders, monotonic())

    def _bury(self, each: _Daemon) -> None:
        by_own_hand = each.is_over
        each.process.kill()
        code = each.process.wait()
        if not by_own_hand:
            self.kills[Moment.ANY] += 1
        elif code == KILLED and each.orders.fate.moment:
            self.kills[each.orders.fate.moment] += 1
        else:
            self.ended[str(code)] += 1
            self._fates.append(each.orders.fate)

    def _is_gone(self, sleeper: _Sleeper, now: float) -> bool:
        """Thaw, then drain a sleeper when it is time; say whether it has ended, be it of its own fate."""
        process = sleeper.daemon.process
        if sleeper.is_draining and now >= sleeper.at:
            self.ended["not drained"] += 1
            process.kill()
        if (code := process.poll()) is not None:
            if code not in {0, KILLED}:
                self.ended[str(code)] += 1
            return True
        if now >= sleeper.at and not sleeper.is_thawed:
            process.send_signal(signal.SIGCONT)
            sleeper.is_thawed, sleeper.at = True, now + AFTERLIFE
        elif now >= sleeper.at:
            process.send_signal(signal.SIGTERM)
            sleeper.is_draining, sleeper.at = True, now + DRAIN
        return False


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}

"""How a run ends by signal: the first drains it, the second stops it, and neither lets it go on for ever.

To drain is to claim no more, to settle what is on the wire and to give back what is not. A call takes 34 seconds
at most; where a provider, the database or a thread keeps silent for longer, the run is stopped, and then ended
without a word more. What is left then is for the leases.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from threading import Timer
from typing import Any

from lumiere_sms.logs import event

DRAIN = 38.0  # seconds from the first signal until the run is stopped; systemd's patience is 90
LAST_WORDS = 2.0  # seconds from there until the process is ended
INTERRUPTED, STOPPED = 130, 143  # exit codes, as a shell gives them to what ended by SIGINT and by SIGTERM


class Stopping:
    """Waits for signals on behalf of one run. `seconds` is how long it may drain."""

    def __init__(self, drain: Callable[[], None], *, seconds: float) -> None:
        """Take what begins to drain the run."""
        self._drain = drain
        self._seconds = seconds
        self._deadline: Timer | None = None
        self.signals: list[signal.Signals] = []

    @property
    def exit_code(self) -> int:
        """What the run ends with where it was stopped before it had drained."""
        return INTERRUPTED if signal.SIGINT in self.signals else STOPPED

    def listen(self, loop: asyncio.AbstractEventLoop, run: "asyncio.Task[Any] | None") -> None:
        """Hear SIGTERM and SIGINT from now on; `run` is the task that is stopped at the second."""
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._hear, number, loop, run)

    def is_over(self) -> None:
        """Note that the run has ended: nothing has to be ended for it."""
        if self._deadline:
            self._deadline.cancel()

    def _hear(self, number: signal.Signals, loop: asyncio.AbstractEventLoop, run: "asyncio.Task[Any] | None") -> None:
        event("stopping", signal=number.name, drains=not self.signals)
        self.signals.append(number)
        if len(self.signals) > 1:
            _cancel(run)
            return
        self._deadline = Timer(self._seconds + LAST_WORDS, self._end)
        self._deadline.daemon = True
        self._deadline.start()
        loop.call_later(self._seconds, self._stop, run)
        self._drain()

    def _stop(self, run: "asyncio.Task[Any] | None") -> None:
        event("not drained", seconds=self._seconds, left_to="the leases")
        _cancel(run)

    def _end(self) -> None:
        """End a process whose threads wait for what does not come."""
        event("ended", why="something keeps silent")
        os._exit(self.exit_code)


def _cancel(run: "asyncio.Task[Any] | None") -> None:
    if run is not None:
        run.cancel()

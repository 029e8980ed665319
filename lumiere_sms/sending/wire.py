"""The wire: what is armed goes out, so many calls at a time, in the order in which it was armed.

At full speed some is armed ahead of the slots, so that a free one never waits for the database, and a call that
has ended takes the next text with it. A call begins within a second of its arm or not at all: what still waits
for a slot then is late. One that lasts longer than any provider's time-outs allow is ended, its answer lost.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from time import clock_gettime, monotonic
from typing import cast

from lumiere_sms.sending.claiming import Work

#: Goes on while the machine sleeps; `time.monotonic` does not on Linux.
WAKEFUL = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
STALE = 1.0  # seconds after its arm within which a call has to begin
LONGEST_CALL = 34.0  # seconds
GLANCE = 0.25  # seconds between looks at what is late or lasts too long


class Wire:
    """At most `slots` calls at a time.

    `call` submits and never raises; `late` is told of what was not called in time, `lost` of what was called and
    never answered. All three belong to the event loop.
    """

    longest_call = LONGEST_CALL

    def __init__(
        self,
        slots: int,
        *,
        call: Callable[[Work], Awaitable[None]],
        late: Callable[[Work], None],
        lost: Callable[[Work], None],
    ) -> None:
        self._slots = slots
        self._call = call
        self._late = late
        self._lost = lost
        self._waiting: deque[tuple[Work, float]] = deque()
        self._calls: dict[asyncio.Task[None], float] = {}  # and since when, by the monotonic clock
        self._overdue: set[asyncio.Task[None]] = set()
        self._glance: asyncio.TimerHandle | None = None

    def put(self, work: Iterable[Work], armed_at: float) -> None:
        """Let work out that was armed at `armed_at` by the clock WAKEFUL."""
        self._waiting.extend((each, armed_at) for each in work)
        for _ in range(min(len(self._waiting), self._slots - len(self._calls))):
            call = asyncio.create_task(self._carry())
            self._calls[call] = monotonic()
            call.add_done_callback(self._leave)  # one that is cancelled before it begins never leaves by itself
        if self._calls and self._glance is None:
            self._glance = asyncio.get_running_loop().call_later(GLANCE, self._look)

    async def ended(self) -> None:
        """Wait until nothing is on the wire."""
        while self._calls:
            await asyncio.wait(self._calls)

    async def _carry(self) -> None:
        """Call for one text after another while there are any."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while self._waiting:
            work, armed_at = self._waiting.popleft()
            if clock_gettime(WAKEFUL) - armed_at >= STALE:
                self._late(work)
                continue
            self._calls[task] = monotonic()
            try:
                await self._call(work)
            except asyncio.CancelledError:
                if task not in self._overdue:
                    raise
                self._overdue.remove(task)
                task.uncancel()
                self._lost(work)
        self._leave(task)  # at once: what is put before its end is told would wait for a task that looks no more

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._calls.pop(task, None)

    def _look(self) -> None:
        """Take back what waits for a slot in vain; end calls that last too long."""
        while self._waiting and clock_gettime(WAKEFUL) - self._waiting[0][1] >= STALE:
            self._late(self._waiting.popleft()[0])
        since = monotonic() - self.longest_call
        for call in [call for call, begun in self._calls.items() if begun < since and call not in self._overdue]:
            self._overdue.add(call)
            call.cancel()
        self._glance = asyncio.get_running_loop().call_later(GLANCE, self._look) if self._calls else None

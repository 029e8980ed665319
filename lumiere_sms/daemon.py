"""The daemon: which job wakes when, signals, drain, stop. `run --once` is the same until nothing more may go.

APScheduler wakes the jobs and knows nothing else: no job store, no leader. Each job is safe on any
number of hosts at once, since the database decides. The dispatcher is not a job; it runs beside them.
"""

import asyncio
import gc
import os
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from importlib.metadata import version
from time import monotonic
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.connection import Database, DatabaseLostError
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ConfigurationError, LumiereError, RejectedError, UnavailableError
from lumiere_sms.logs import event, logger
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending import presence
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.polling import Poller
from lumiere_sms.sending.presence import Daemon
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.sending.sweeping import sweep

NEEDS_PERSON, PAUSED_BY_RULE, INTERRUPTED = 8, 9, 130  # exit codes
SAY_EVERY = 5.0  # seconds
GARBAGE = 50_000, 20, 100  # see _spare_the_collector
THREADS = 16  # a launch of millions, a sweep and a poll leave enough for the dispatcher's three steps


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: campaigns launched and completed, texts by outcome; what needs a person; what held it up."""

    launched: tuple[str, ...]
    texts: dict[str, int]
    unknown: int
    paused: tuple[str, ...]
    why: str
    exit_code: int = 0
    waiting: bool = False  # whether somebody's time is still to come

    def __str__(self) -> str:
        """Say it in one line."""
        texts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.texts.items())) or "nothing to send"
        parts = [f"launched {len(self.launched)}", texts]
        if self.unknown:
            parts.append(f"{self.unknown} unknown: lumiere-sms campaign recipients NAME --status unknown")
        if self.paused:
            parts.append(f"paused by a rule: {', '.join(self.paused)}")
        if self.why:
            parts.append(f"held up: {self.why}")
        elif self.waiting:
            parts.append("some wait for their time: lumiere-sms status")
        return "; ".join(parts)


def run_until_done(runtime: Runtime, *, once: bool, max_seconds: float | None = None) -> Summary:
    """Run until a signal ends it; with `once`, until nothing more may go now. Raises: ConfigurationError."""
    return asyncio.run(Runner(runtime).run(once=once, max_seconds=max_seconds))


class Runner:
    """One process that launches, sends, polls and sweeps."""

    def __init__(self, runtime: Runtime, *, seconds_between_polls: float = 1.0) -> None:
        """Open the database and make the provider. Raises: ConfigurationError."""
        self._clock = runtime.clock
        self._database = runtime.database
        _refuse_asynchronous_commit(self._database)
        self._provider = runtime.provider()
        self._prices = runtime.prices
        self._sender = runtime.default_sender
        self._pace = runtime.parts_per_second
        self._daemon = Daemon(new_id(), socket.gethostname(), os.getpid(), version("lumiere-sms"))
        self._dispatcher = Dispatcher(
            self._database,
            self._provider,
            claimer=Claimer(self._daemon.id, provider=self._provider.name, default_sender=self._sender),
            daemon=self._daemon.id,
            clock=runtime.clock,
            chance=runtime.chance,
            price_of=runtime.price_of,
            slots=runtime.settings.slots,
        )
        self._poller = Poller(
            self._database, self._provider, clock=runtime.clock, seconds_between=seconds_between_polls
        )
        self._polled_at = monotonic()
        self._polled_texts = 0
        self._said: Counter[Outcome] = Counter()
        self._launched: list[str] = []
        self.recipients = 0  # of the campaigns launched here
        self._signals: list[signal.Signals] = []

    @property
    def submitted(self) -> int:
        """How many texts have been submitted so far."""
        return self._dispatcher.outcomes.total()

    async def run(self, *, once: bool, max_seconds: float | None = None) -> Summary:
        """Run until stopped; with `once`, until nothing more may go now or `max_seconds` have passed."""
        await self._check_provider()
        await self._prepare()
        _spare_the_collector()
        scheduler = self._schedule()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        self._listen(loop)
        if max_seconds is not None:
            loop.call_later(max_seconds, self._dispatcher.stop)
        try:
            await self._dispatcher.run(once=once)
        finally:
            scheduler.shutdown(wait=False)
            await self._say()
            await self._finish(once=once)
        return await asyncio.to_thread(self._sum_up, once=once)

    async def _check_provider(self) -> None:
        try:
            event("provider answers", provider=self._provider.name, said=await self._provider.check())
        except RejectedError as error:
            await self._provider.close()
            raise ConfigurationError(str(error), hint=error.hint or "lumiere-sms doctor") from error
        except UnavailableError as error:
            event("provider does not answer", provider=self._provider.name, error=error)

    async def _prepare(self) -> None:
        """Do once what the jobs do later, so that a single pass finds everything due."""
        await asyncio.to_thread(self._beat)
        await asyncio.to_thread(self._sweep)
        await _guard("launch", partial(asyncio.to_thread, self._launch), passing=LumiereError)

    def _schedule(self) -> AsyncIOScheduler:
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        for seconds, name, job in (
            (1, "launch", partial(asyncio.to_thread, self._launch)),
            (5, "sweep", partial(asyncio.to_thread, self._sweep)),
            (5, "beat", partial(asyncio.to_thread, self._beat)),
            (1, "poll", self._poll),
            (1, "say", self._say),
        ):
            scheduler.add_job(_wake, "interval", seconds=seconds, id=name, args=[name, job])
        scheduler.start()
        return scheduler

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number, asyncio.current_task())

    def _stop(self, number: signal.Signals, running: "asyncio.Task[Any] | None") -> None:
        """Drain at the first signal, stop at the second: what is on the wire then is for the leases."""
        event("stopping", signal=number.name, drains=not self._signals)
        if self._signals and running is not None:
            running.cancel()
        self._signals.append(number)
        self._dispatcher.stop()

    def _launch(self) -> None:
        for launched in launch_due(self._database, clock=self._clock, prices=self._prices, progress=_TellsOfLaunch()):
            event(
                "launched",
                campaign=launched.campaign,
                recipients=launched.kept,
                **({"problem": launched.problem} if launched.problem else {}),
            )
            self._launched.append(launched.campaign)
            self.recipients += launched.kept

    def _sweep(self) -> None:
        register_senders(
            self._database, provider=self._provider.name, default_sender=self._sender, parts_per_second=self._pace
        )
        sweep(self._database, clock=self._clock)

    def _beat(self) -> None:
        presence.beat(
            self._database,
            self._daemon,
            texts=self._dispatcher.outcomes[Outcome.ACCEPTED],
            now=self._clock.database_now(),
        )

    async def _say(self) -> None:
        """Say what was submitted since the last time: one line, however many texts."""
        outcomes = Counter(self._dispatcher.outcomes)
        if news := outcomes - self._said:
            event("submitted", **{str(outcome): count for outcome, count in news.items()})
        self._said = outcomes

    async def _poll(self) -> None:
        texts = self._dispatcher.outcomes[Outcome.ACCEPTED]
        if texts != self._polled_texts:
            self._polled_texts = texts
            self._poller.hurry()
        if monotonic() - self._polled_at >= self._poller.pause:
            moved = await self._poller.poll()
            self._polled_at = monotonic()
            if moved:
                event("receipts", **moved)

    async def _finish(self, *, once: bool) -> None:
        """Say goodbye; after a single pass, look once more at what came back."""
        with suppress(DatabaseLostError):
            if once:
                await self._poller.poll()
            await asyncio.to_thread(self._sweep)
            await asyncio.to_thread(presence.leave, self._database, self._daemon, now=self._clock.database_now())
        await self._provider.close()

    def _sum_up(self, *, once: bool) -> Summary:
        with self._database.transaction(read_only=True) as connection:
            needs = connection.execute(statement("lumiere_sms.sending", "needs_person")).fetchone() or {}
        return Summary(
            launched=tuple(self._launched),
            texts={str(outcome): count for outcome, count in self._dispatcher.outcomes.items()},
            unknown=needs["unknown"],
            paused=tuple(needs["paused"]),
            why=self._dispatcher.why or self._dispatcher.refusal,
            waiting=needs["waiting"],
            exit_code=INTERRUPTED if signal.SIGINT in self._signals else _exit_code(needs) if once else 0,
        )


class _TellsOfLaunch:
    """Says every few seconds how far a launch has come."""

    def __init__(self) -> None:
        self._said_at = monotonic()

    def __call__(self, customers: int) -> None:
        if monotonic() - self._said_at >= SAY_EVERY:
            self._said_at = monotonic()
            event("launching", customers=customers)


def _exit_code(needs: Mapping[str, Any]) -> int:
    if needs["unknown"]:
        return NEEDS_PERSON
    return PAUSED_BY_RULE if needs["paused"] else 0


def _spare_the_collector() -> None:
    """Keep the garbage collector from reading through all that was imported, again and again.

    What a text leaves behind is freed by counting references; there are hardly any cycles to look for. With
    Python's own thresholds a seventh of the time per text went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def _wake(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run a scheduled job; it ends with the run, without a word."""
    with suppress(asyncio.CancelledError):
        await _guard(name, job)


async def _guard(
    name: str, job: Callable[[], Awaitable[None]], *, passing: type[LumiereError] | tuple[()] = ()
) -> None:
    """Run a job; what goes wrong in it is said, unless `passing`, and it is run again the next time."""
    try:
        await job()
    except passing:
        raise
    except DatabaseLostError as error:
        event("database lost", job=name, error=error)
    except Exception:  # noqa: BLE001 - a job that fails must not take the daemon along; it is logged whole
        logger.exception("job failed", extra={"fields": {"job": name}})


def _refuse_asynchronous_commit(database: Database) -> None:
    """Refuse a database where an arm that is lost with the server's memory could be armed again: two texts."""
    with database.transaction(read_only=True) as connection:
        found = connection.execute("SHOW synchronous_commit").fetchone()
    if found and found["synchronous_commit"] == "off":
        raise ConfigurationError(
            "synchronous_commit is off on this database; a crash could then text people twice",
            hint="ALTER ROLE … SET synchronous_commit = on (or remove the setting from postgresql.conf)",
        )

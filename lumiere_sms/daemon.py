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

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.campaigns.stop_queries import stop_where_asked
from lumiere_sms.database.connection import Database, DatabaseLostError
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ConfigurationError, LumiereError, RejectedError, UnavailableError
from lumiere_sms.logs import event, logger
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.privacy.retention import apply_retention
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending import presence
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.lane import Lane
from lumiere_sms.sending.looks import Looks
from lumiere_sms.sending.presence import Daemon
from lumiere_sms.sending.stopping import DRAIN, INTERRUPTED, Stopping
from lumiere_sms.sending.sweeping import sweep

NEEDS_PERSON, PAUSED_BY_RULE = 8, 9  # exit codes
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
    runner = Runner(runtime)
    try:
        return asyncio.run(runner.run(once=once, max_seconds=max_seconds))
    except asyncio.CancelledError:  # stopped before it had drained
        raise SystemExit(runner.stopping.exit_code) from None
    finally:
        runner.stopping.is_over()


class Runner:
    """One process that launches, sends, polls and sweeps."""

    drain = DRAIN  # seconds from the first signal until what is not drained is left to the leases

    def __init__(self, runtime: Runtime, *, seconds_between_polls: float = 1.0) -> None:
        """Open the database and make the provider. Raises: ConfigurationError."""
        self._clock = runtime.clock
        self._database = runtime.database
        _refuse_asynchronous_commit(self._database)
        self._prices = runtime.way_prices
        self._stop_role = runtime.settings.stop_when_role
        self._daemon = Daemon(new_id(), socket.gethostname(), os.getpid(), version("lumiere-sms"))
        host = Host(self._database, self._daemon.id, runtime.clock, runtime.chance)
        looks = Looks.of(runtime.settings)
        self._lanes = [
            Lane(
                host,
                runtime.provider(name),
                router=runtime.router(name),
                parts_per_second=runtime.parts_per_second_of(name),
                price_of=partial(runtime.price_of, name),
                slots=runtime.settings.slots,
                seconds_between_polls=seconds_between_polls,
                looks=looks,
            )
            for name in runtime.providers
        ]
        self._said: Counter[Outcome] = Counter()
        self._launched: list[str] = []
        self.recipients = 0  # of the campaigns launched here
        self._failure: Exception | None = None
        self._beaten = 0, monotonic()  # texts at the last beat, and when that was
        self.stopping = Stopping(self._stop_lanes, seconds=self.drain)

    @property
    def _outcomes(self) -> Counter[Outcome]:
        return sum((lane.dispatcher.outcomes for lane in self._lanes), Counter())

    @property
    def submitted(self) -> int:
        """How many texts have been submitted so far."""
        return self._outcomes.total()

    async def run(self, *, once: bool, max_seconds: float | None = None) -> Summary:
        """Run until stopped; with `once`, until nothing more may go now or `max_seconds` have passed."""
        await self._start()
        _spare_the_collector()
        scheduler = self._schedule()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        self.stopping.listen(loop, asyncio.current_task())
        if max_seconds is not None:
            loop.call_later(max_seconds, self._stop_lanes)
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self._lanes:
                    group.create_task(self._run_lane(lane, once=once))
        finally:
            scheduler.shutdown(wait=False)
            await self._say()
            await self._finish(once=once)
        if self._failure:
            raise self._failure
        return await asyncio.to_thread(self._sum_up, once=once)

    async def _run_lane(self, lane: Lane, *, once: bool) -> None:
        """Run one lane; where it fails, the others drain before the error is raised."""
        try:
            await lane.dispatcher.run(once=once)
        except Exception as error:  # noqa: BLE001 - raised by `run`, when nothing is on the wire any more
            self._failure = self._failure or error
            self._stop_lanes()

    async def _start(self) -> None:
        """Ask the providers and do what is due. Raises: ConfigurationError, with the providers closed."""
        try:
            await self._check_providers()
            await self._prepare()
        except BaseException:
            await self._close()
            raise

    async def _check_providers(self) -> None:
        """Ask each provider; those that refuse us are not worth starting for. Raises: ConfigurationError if all do."""
        refused: list[tuple[Lane, RejectedError]] = []
        for lane in self._lanes:
            name = lane.provider.name
            try:
                event("provider answers", provider=name, said=await lane.dispatcher.health.greet())
            except RejectedError as error:
                event("provider refuses", provider=name, error=error)
                refused.append((lane, error))
            except UnavailableError as error:
                event("provider does not answer", provider=name, error=error)
        if len(refused) == len(self._lanes):
            first = refused[0][1]
            raise ConfigurationError(str(first), hint=first.hint or "lumiere-sms doctor") from first
        for lane, refusal in refused:
            await lane.dispatcher.health.leave_alone(str(refusal))

    async def _close(self) -> None:
        for lane in self._lanes:
            await lane.provider.close()

    async def _prepare(self) -> None:
        """Do once what the jobs do later, so that a single pass finds everything due."""
        await asyncio.to_thread(self._beat)
        await asyncio.to_thread(self._sweep)
        for job in (self._erase, self._let_go):
            await _guard("privacy", partial(asyncio.to_thread, job))
        for lane in self._lanes:
            await lane.watch_doubts()
        await _guard("opt outs", self._sync_opt_outs)
        await _guard("answers", partial(self._take_replies, now=True))
        await _guard("launch", partial(asyncio.to_thread, self._launch), passing=LumiereError)

    def _schedule(self) -> AsyncIOScheduler:
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        for seconds, name, job in (
            (1, "launch", partial(asyncio.to_thread, self._launch)),
            (5, "sweep", partial(asyncio.to_thread, self._sweep)),
            (5, "beat", partial(asyncio.to_thread, self._beat)),
            (1, "poll", self._poll),
            *((1, f"reconcile {lane.provider.name}", partial(self._reconcile, lane)) for lane in self._lanes),
            (1, "listen", self._hear),
            (1, "answers", self._take_replies),
            (60, "opt outs", self._sync_opt_outs),
            (60, "weigh", self._weigh),
            (60, "erasures", partial(asyncio.to_thread, self._erase)),
            (3600, "retention", partial(asyncio.to_thread, self._let_go)),
            (60, "stop queries", partial(asyncio.to_thread, self._ask_stop_queries)),
            (1, "say", self._say),
        ):
            scheduler.add_job(_wake, "interval", seconds=seconds, id=name, args=[name, job])
        scheduler.start()
        return scheduler

    def _stop_lanes(self) -> None:
        for lane in self._lanes:
            lane.dispatcher.stop()

    def _launch(self) -> None:
        tells = _TellsOfLaunch()
        due = partial(do_what_is_due, self._database, clock=self._clock, prices=self._prices)
        for launched in due(stop_role=self._stop_role, progress=tells):
            event(
                "launched",
                campaign=launched.campaign,
                recipients=launched.kept,
                **({"problem": launched.problem} if launched.problem else {}),
            )
            self._launched.append(launched.campaign)
            self.recipients += launched.kept

    def _ask_stop_queries(self) -> None:
        for name in stop_where_asked(self._database, clock=self._clock, role=self._stop_role):
            event("stopped", campaign=name)

    def _erase(self) -> None:
        if finished := finish_erasures(self._database, clock=self._clock):
            event("erasures finished", count=finished)

    def _let_go(self) -> None:
        if gone := apply_retention(self._database, clock=self._clock):
            event("retention", **gone)

    def _sweep(self) -> None:
        for lane in self._lanes:
            lane.register()
            lane.note_unprovable()
        sweep(self._database, clock=self._clock)

    def _beat(self) -> None:
        texts, now = sum(lane.accepted for lane in self._lanes), monotonic()
        before, at = self._beaten
        per_second = (texts - before) / max(now - at, 1.0)
        self._beaten = texts, now
        at_database = self._clock.database_now()
        presence.beat(self._database, self._daemon, texts=texts, texts_per_second=per_second, now=at_database)

    async def _say(self) -> None:
        """Say what was submitted since the last time: one line, however many texts."""
        outcomes = self._outcomes
        if news := outcomes - self._said:
            event("submitted", **{str(outcome): count for outcome, count in news.items()})
        self._said = outcomes

    async def _poll(self, *, now: bool = False) -> None:
        for lane in self._lanes:
            if moved := await lane.poll(now=now):
                event("receipts", **moved)

    async def _hear(self) -> None:
        for lane in self._lanes:
            if moved := await lane.listen():
                event("receipts", **moved)

    async def _take_replies(self, *, now: bool = False) -> None:
        for lane in self._lanes:
            if taken := await lane.take_replies(now=now):
                event("answers", provider=lane.provider.name, **taken)

    async def _weigh(self) -> None:
        for lane in self._lanes if len(self._lanes) > 1 else []:
            await asyncio.to_thread(lane.weigh)

    async def _sync_opt_outs(self) -> None:
        for lane in self._lanes:
            await lane.sync_opt_outs()

    async def _reconcile(self, lane: Lane) -> None:
        if seen := await lane.reconcile():
            event("looked up", provider=lane.provider.name, **seen)

    async def _finish(self, *, once: bool) -> None:
        """Say goodbye; after a single pass, look once more at what came back."""
        with suppress(ConfigurationError):  # the database is lost, full or read-only
            if once and not self.stopping.signals:
                await self._poll(now=True)
                await self._hear()
            await asyncio.to_thread(self._sweep)
            await asyncio.to_thread(presence.leave, self._database, self._daemon, now=self._clock.database_now())
        await self._close()

    def _sum_up(self, *, once: bool) -> Summary:
        with self._database.transaction(read_only=True) as connection:
            needs = connection.execute(statement("lumiere_sms.sending", "needs_person")).fetchone() or {}
        return Summary(
            launched=tuple(self._launched),
            texts={str(outcome): count for outcome, count in self._outcomes.items()},
            unknown=needs["unknown"],
            paused=tuple(needs["paused"]),
            why="; ".join(self._why()) if needs["waiting"] else "",
            waiting=needs["waiting"],
            exit_code=INTERRUPTED if signal.SIGINT in self.stopping.signals else _exit_code(needs) if once else 0,
        )

    def _why(self) -> list[str]:
        """Say what holds up whom it holds up, each reason once."""
        found = (lane.dispatcher.why or lane.dispatcher.refusal for lane in self._lanes)
        return list(dict.fromkeys(filter(None, found)))


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
    except ConfigurationError as error:  # full, read-only, no price: an operator mends it
        event("job refused", job=name, error=error, hint=error.hint)
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

"""Whether a provider is well, as one daemon sees it: listens to its calls, checks it, leaves it alone, tries it again.

What one daemon finds all heed at their next claim, since it is a row. After the first failure the provider is asked
every second whether it is there at all, so that few texts are enough to find out that it is not; while no text goes,
every half a minute, by one daemon of all. One that is left alone is checked every 15 seconds; once it answers, it is
tried with a text now and then, and after three answers it is as before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import inf
from time import monotonic
from typing import TypeVar
from uuid import UUID

from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.errors import ConfigurationError, ProviderError, RejectedError, UnavailableError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Action, Provider
from lumiere_sms.sending import standings
from lumiere_sms.sending.breaker import Breaker
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.outcomes import Answer, is_failure, pauses_provider
from lumiere_sms.sending.standings import CLOSED, OPEN, PROBING, Standing

T = TypeVar("T")

TICK = 1.0  # seconds
CHECK_TAKES = 5.0  # seconds at most
CHECKS_AT_ONCE = 5
CALM = 3  # checks in a row that answer, after a failure, end the closer look


class Health:
    """The health of one provider in one daemon. Lives in the event loop."""

    tick = TICK
    patience = CHECK_TAKES

    def __init__(self, host: Host, provider: Provider) -> None:
        self._database = host.database
        self._clock = host.clock
        self._idling = host.idling
        self._provider = provider
        self._breaker = Breaker()
        self._calls: dict[UUID, float] = {}  # under way, by attempt, and since when
        self._checks: set[asyncio.Task[None]] = set()
        self._doubts = 0  # checks that have to answer before a failure is forgotten
        self._wants_probe = False
        self._changed_at = 0.0
        self.state = CLOSED

    @property
    def is_open(self) -> bool:
        """Say whether nothing may go through it, but for a probe."""
        return self.state == OPEN

    def begin(self, attempt_id: UUID) -> None:
        """Note that a call begins."""
        self._calls[attempt_id] = monotonic()

    def end(self, answer: Answer) -> None:
        """Note how a call ended."""
        now = monotonic()
        seconds = now - self._calls.pop(answer.result.attempt_id, now)
        if answer.result.outcome is Outcome.NOT_SENT:
            return
        failed = is_failure(answer)
        self._doubts = CALM if failed else self._doubts
        self._breaker.note(ended=now, seconds=seconds, failed=failed, said=answer.result.detail or "")

    def see(self, standing: Standing | None, *, since: float, missed: bool) -> None:
        """Heed what a claim that began at `since` read; `missed` says that there was no text to try it with."""
        self._wants_probe = self._wants_probe or missed
        if standing and since > self._changed_at:
            self._become(standing.state)

    async def judge(self, answers: Sequence[Answer]) -> None:
        """Decide by what calls came to."""
        if self.state != OPEN:
            await _guarded(self._judge(answers))

    async def _judge(self, answers: Sequence[Answer]) -> None:
        if reason := next((_said(each) for each in answers if pauses_provider(each)), ""):
            await self.leave_alone(reason)
        elif self.state == PROBING:
            await self._judge_trial(answers)
        elif reason := self._verdict():
            await self.leave_alone(reason)

    async def leave_alone(self, reason: str) -> None:
        """Let nothing more go through the provider, on every host."""
        self._become(OPEN)
        self._changed_at = inf  # what is read until this is written is out of date
        try:
            is_news = await self._write(partial(standings.leave_alone, reason=reason))
        finally:
            self._become(OPEN)
            self._changed_at = monotonic()
        if is_news:
            event("provider left alone", provider=self._provider.name, reason=reason)
        self._idling.stir()

    async def greet(self) -> str:
        """Ask the provider before anything goes through it; the answer decides nothing yet. Raises: ProviderError."""
        self.see(await self._write(standings.standing_of), since=monotonic(), missed=False)
        try:
            said = await self._provider.check()
        except ProviderError as error:
            await self._write(partial(standings.keep_check, said=str(error)))
            raise
        await self._note_answer(said, is_probe=True)
        return said

    async def check(self, *, is_probe: bool = False) -> str:
        """Ask the provider whether it is there, and heed what it says; `is_probe` where it is left alone.

        Raises: ProviderError.
        """
        try:
            async with asyncio.timeout(self.patience):
                said = await self._provider.check()
        except TimeoutError:
            error = UnavailableError(f"{self._provider.name} did not answer within {self.patience:.0f} s")
            await self._note_failed_check(error)
            raise error from None
        except ProviderError as error:
            await self._note_failed_check(error)
            raise
        await self._note_answer(said, is_probe=is_probe)
        return said

    async def watch(self) -> None:
        """Look after the provider until cancelled."""
        try:
            while True:
                await asyncio.sleep(self.tick)
                await _guarded(self._tend())
        finally:
            for check in self._checks:
                check.cancel()

    async def _tend(self) -> None:
        began = monotonic()
        self.see(await self._write(standings.standing_of), since=began, missed=False)
        if self.state == CLOSED:
            await self._tend_well()
        elif self._wants_probe or await self._is_next_to_probe():
            self._wants_probe = False
            self._start_check(is_probe=True)

    async def _is_next_to_probe(self) -> bool:
        """Say whether a probe is due, and it is this daemon's turn; one that answered is left to a text for a while."""
        grace = standings.GRACE if self.state == PROBING else standings.NONE
        return await self._write(partial(standings.take_probe, state=self.state, grace=grace))

    async def _tend_well(self) -> None:
        now = monotonic()
        if reason := self._verdict():
            await self.leave_alone(reason)
        elif (self._doubts and self._breaker.is_suspicious(now)) or await self._is_next_to_check(now):
            self._start_check()

    async def _is_next_to_check(self, now: float) -> bool:
        """Say whether no text has told lately how the provider is, and it is this daemon's turn to ask."""
        is_idle = not self._calls and self._breaker.answered_at < now - standings.CHECK_EVERY.total_seconds()
        return is_idle and await self._write(standings.take_check)

    def _start_check(self, *, is_probe: bool = False) -> None:
        if len(self._checks) < CHECKS_AT_ONCE:
            check = asyncio.create_task(_guarded(self.check(is_probe=is_probe)))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)

    async def _note_answer(self, said: str, *, is_probe: bool) -> None:
        self._doubts = max(0, self._doubts - 1)
        await self._write(partial(standings.keep_check, said=said))
        if is_probe:
            await self._pass_probe()

    async def _note_failed_check(self, error: ProviderError) -> None:
        said = str(error)
        await self._write(partial(standings.keep_check, said=said))
        if self.state != CLOSED or isinstance(error, RejectedError) or error.action is Action.PAUSE_PROVIDER:
            return await self.leave_alone(said)
        self._doubts = CALM
        self._breaker.note_failed_check(ended=monotonic(), said=said)
        if reason := self._verdict():
            await self.leave_alone(reason)
        return None

    async def _judge_trial(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if is_failure(answer):
                return await self.leave_alone(_said(answer))
            if answer.result.outcome is Outcome.ACCEPTED:
                await self._pass_probe()
        return None

    async def _pass_probe(self) -> None:
        if self.state != CLOSED and (state := await self._write(standings.pass_probe)):
            self._become(state)
            if state == CLOSED:
                event("provider is back", provider=self._provider.name)
                self._idling.stir()

    def _become(self, state: str) -> None:
        if state != self.state:
            self._changed_at = monotonic()
            self._breaker.forget()
            self.state = state

    def _verdict(self) -> str:
        now = monotonic()
        return self._breaker.verdict(now, waiting=tuple(now - began for began in self._calls.values()))

    async def _write(self, step: Callable[..., T]) -> T:
        return await asyncio.to_thread(self._write_now, step)

    def _write_now(self, step: Callable[..., T]) -> T:
        with self._database.transaction(limits=LET_GO) as connection:
            return step(connection, self._provider.name, now=self._clock.database_now())


def _said(answer: Answer) -> str:
    return answer.result.detail or "it fails"


async def _guarded(work: Awaitable[object]) -> None:
    """Do what may fail: a provider that does not answer is noted already, a database that is away is there later."""
    try:
        await work
    except ProviderError:
        pass
    except ConfigurationError as error:
        event("database refuses", error=error)

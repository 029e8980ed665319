"""The dispatcher: claim → arm → submit → settle, each step a transaction of its own, the wire in between.

One task claims, one arms, one settles, and every call to the provider is a task of its own. The
armer and the settler each take *everything that waits now* and write it in one statement a tenant,
then look again: at one text a second that is one row a commit, at thousands a hundred. No timers,
no thresholds. What is armed goes on the wire at once.

A call begins within a second of its arm or not at all. Whatever it ends in is settled, and a
settlement is tried until the database takes it. What a crash leaves behind, leases find: claimed
goes again, submitting becomes unknown.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from time import clock_gettime, monotonic
from typing import TypeVar, cast
from uuid import UUID

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.patience import LET_GO, LET_GO_SOON
from lumiere_sms.errors import ConfigurationError, ProviderError
from lumiere_sms.logs import event, logger
from lumiere_sms.providers.base import Action, Message, Provider, Reason
from lumiere_sms.sending import consequences, outcomes
from lumiere_sms.sending.claiming import Claimer, Round, Work
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.inbox import Inbox
from lumiere_sms.sending.outcomes import Answer, PriceOf

T = TypeVar("T")

#: Goes on while the machine sleeps; `time.monotonic` does not on Linux.
WAKEFUL = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
STALE = 1.0  # seconds after its arm within which a call has to begin
LONGEST_CALL = 34.0  # seconds
REFUSALS = 5  # in a row, before the sender is left alone
LEFT_ALONE = 15.0  # seconds
AHEAD = 4  # times the slots are held claimed beside them at most, and
AHEAD_SECONDS = 0.1  # at most what goes out in this time: less than any burst of a pace
PATIENCE = 10  # claims in a row that the database refuses, before a single pass gives up


class _Rate:
    """How many texts a second have gone out lately."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._since, self._count = monotonic(), 0

    def count(self, texts: int) -> None:
        self._count += texts
        if (elapsed := monotonic() - self._since) >= AHEAD_SECONDS:
            self.per_second = self._count / elapsed
            self._since, self._count = monotonic(), 0


class Dispatcher:
    """Sends for one daemon through one provider, `slots` calls at a time."""

    reconnect = 1.0  # seconds between tries where the database refuses

    def __init__(self, host: Host, provider: Provider, *, claimer: Claimer, price_of: PriceOf, slots: int) -> None:
        self._database = host.database
        self._provider = provider
        self._claimer = claimer
        self._daemon = host.daemon
        self._clock = host.clock
        self._chance = host.chance
        self._idling = host.idling
        self._idling.join(self)
        self._price_of = price_of
        self._slots = slots
        self._held = 0  # claimed, and neither answered nor given back
        self._busy = 0  # of these, past the armer: being armed or on the wire
        self._rate = _Rate()
        self._refusals = 0
        self._failures = 0
        self._on_wire: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self._stopping = False
        self._to_arm: Inbox[Work] = Inbox()
        self._answers: Inbox[Answer] = Inbox()
        self.outcomes: Counter[Outcome] = Counter()
        self.failure: ConfigurationError | None = None
        self.why = ""  # what holds up the claims
        self.refusal = ""  # what the last answer said, if it was a refusal

    async def run(self, *, once: bool) -> None:
        """Send until stopped; with `once`, until nothing more may go now."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._settle_all())
                group.create_task(self._arm_all())
                await self._claim_all(once=once)
                self._to_arm.close()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the first ended the others
        if self.failure:
            raise self.failure

    def stop(self) -> None:
        """Claim no more, give back what is not on the wire, settle what is."""
        self._stopping = True
        self._changed.set()
        self._freed.set()

    async def _claim_all(self, *, once: bool) -> None:
        while not self._stopping:
            self._changed.clear()
            found = await self._claim(max(1, self._slots + self._ahead() - self._held), once=once)
            self.why = found.why
            self._held += len(found.work)
            self._to_arm.put(found.work)
            if not found.drained or self._held:
                self._idling.wake(self)
            elif self._idling.rest(self) and once:
                return
            if not found.work:
                await self._rest(found.wait if not found.drained else found.wait * self._chance.uniform(0.5, 1.5))
            while self._has_enough() and not self._stopping:
                self._changed.clear()
                await self._changed.wait()

    async def _claim(self, free: int, *, once: bool) -> Round:
        claim = partial(self._claimer.claim, self._database, slots=free, now=self._clock.database_now())
        try:
            found = await asyncio.to_thread(claim)
        except ConfigurationError as error:  # lost, full, read-only: what is on the wire must not die of it
            event("database refuses", error=error)
            self._failures += 1
            if once and self._failures >= PATIENCE:
                self.stop()
                self.failure = error
            return Round(wait=self.reconnect, drained=False)
        self._failures = 0
        return found

    def _has_enough(self) -> bool:
        """Say whether another claim would only hold what cannot go soon."""
        waiting = self._held - self._busy
        return waiting > self._ahead() // 2 or self._held >= self._slots + self._ahead()

    def _ahead(self) -> int:
        """How many to hold claimed beside the slots, so that a free one never waits for a claim."""
        return min(AHEAD * self._slots, int(self._rate.per_second * AHEAD_SECONDS))

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    async def _arm_all(self) -> None:
        while work := await self._next_to_arm():
            for user_id, group in _by_tenant(work):
                if self._stopping:
                    await self._give_back(user_id, group)
                else:
                    await self._arm(user_id, group)
        while self._on_wire:
            await asyncio.wait(self._on_wire)
        self._answers.close()

    async def _next_to_arm(self) -> list[Work]:
        """Take what is claimed, at most the free slots; all of it, to be given back, when stopping."""
        while self._busy >= self._slots and not self._stopping:
            self._freed.clear()
            await self._freed.wait()
        work = await self._to_arm.take(None if self._stopping else self._slots - self._busy)
        self._busy += len(work)
        self._changed.set()
        return work

    async def _arm(self, user_id: UUID, work: list[Work]) -> None:
        try:
            passed, armed_at = await asyncio.to_thread(self._arm_now, user_id, work)
        except ConfigurationError as error:
            event("database refuses", error=error)
            return await self._disarm(user_id, work)
        for each in work:
            if each.asked.attempt_id in passed:
                task = asyncio.create_task(self._submit(each, armed_at))
                self._on_wire.add(task)
                task.add_done_callback(self._on_wire.discard)
        if turned_away := [each for each in work if each.asked.attempt_id not in passed]:
            await self._give_back(user_id, turned_away)
        return None

    async def _disarm(self, user_id: UUID, work: list[Work]) -> None:
        """Take back an arm that may have been committed or not: no call has begun, so nothing is in doubt.

        Giving back waits for the rows that the lost transaction may still hold; what it had armed after all is
        settled as not sent.
        """
        await self._insist(partial(self._turn_away_now, user_id, work))
        self._answers.put(outcomes.not_sent(each) for each in work)
        self._free(len(work))

    def _arm_now(self, user_id: UUID, work: list[Work]) -> tuple[set[UUID], float]:
        """Arm, and read a clock that never stops before the commit: a call counts its age from there."""
        with self._database.transaction(limits=LET_GO_SOON) as connection:
            passed = recipients.arm(
                connection,
                user_id,
                [each.asked for each in work],
                daemon=self._daemon,
                provider=self._provider.name,
                now=self._clock.database_now(),
            )
            return passed, clock_gettime(WAKEFUL)

    async def _give_back(self, user_id: UUID, work: list[Work]) -> None:
        with suppress(ConfigurationError):  # the leases do the rest
            await asyncio.to_thread(self._give_back_now, user_id, work)
        self._free(len(work))

    def _turn_away_now(self, user_id: UUID, work: list[Work]) -> None:
        asked, now = [each.asked for each in work], self._clock.database_now()
        with self._database.transaction(limits=LET_GO) as connection:
            recipients.turn_away(connection, user_id, asked, daemon=self._daemon, now=now)

    def _give_back_now(self, user_id: UUID, work: list[Work]) -> None:
        self._turn_away_now(user_id, work)
        consequences.refund(self._database, self._provider.name, work)

    async def _submit(self, work: Work, armed_at: float) -> None:
        answer = await self._call(work) if clock_gettime(WAKEFUL) - armed_at < STALE else outcomes.not_sent(work)
        self.outcomes[answer.result.outcome] += 1
        self._answers.put([answer])
        self._free(1)

    async def _call(self, work: Work) -> Answer:
        message = _message(work)
        try:
            async with asyncio.timeout(LONGEST_CALL):
                taken = await self._provider.submit(message)
        except ProviderError as error:
            about = self._provider.meaning_of(error.code).reason if error.code else Reason.UNKNOWN
            return outcomes.refused(work, error, about=about, chance=self._chance)
        except Exception as error:  # noqa: BLE001 - a bug of one call must not take the others along; the text may be out
            logger.exception("the provider failed", extra={"fields": {"provider": self._provider.name}})
            return outcomes.refused(work, error, about=Reason.UNKNOWN, chance=self._chance)
        return outcomes.accepted(work, taken, price_of=self._price_of)

    def _free(self, slots: int) -> None:
        self._busy -= slots
        self._held -= slots
        self._rate.count(slots)
        self._freed.set()
        if self._held == self._busy:  # nothing waits for the slot that is free now
            self._changed.set()

    async def _settle_all(self) -> None:
        while answers := await self._answers.take():
            for user_id, group in _by_tenant(answers, of=lambda answer: answer.work):
                await self._insist(partial(self._settle_now, user_id, group))
            await self._leave_alone(answers)

    def _settle_now(self, user_id: UUID, answers: list[Answer]) -> None:
        now = self._clock.database_now()
        results = [each.result for each in answers]
        if all(each.action is Action.NONE for each in answers):
            if moved_on := recipients.settle(self._database, user_id, results, now=now):
                with self._database.transaction() as connection:
                    consequences.apply(connection, user_id, answers, moved_on=moved_on, now=now)
            return
        with self._database.transaction(limits=LET_GO) as connection:
            consequences.hold(connection, user_id, answers)
            moved_on = recipients.settle(connection, user_id, results, now=now)
            consequences.apply(connection, user_id, answers, moved_on=moved_on, now=now)

    async def _insist(self, step: Callable[[], T]) -> T:
        """Do a step until the database takes it: what is on the wire cannot be called back."""
        while True:
            try:
                return await asyncio.to_thread(step)
            except ConfigurationError as error:
                event("database refuses", error=error)
                await asyncio.sleep(self.reconnect)

    async def _leave_alone(self, answers: Sequence[Answer]) -> None:
        """Leave a sender alone for a while when its provider asked for that, or refuses call after call."""
        for answer in answers:
            refused = answer.result.outcome is Outcome.UNAVAILABLE
            self._refusals = self._refusals + 1 if refused else 0
            self.refusal = answer.result.detail or "" if refused else ""
            seconds = consequences.rest_after(answer) or (LEFT_ALONE if self._refusals >= REFUSALS else 0.0)
            if seconds:
                self._refusals = 0
                await self._insist(partial(self._block_now, answer, seconds))

    def _block_now(self, answer: Answer, seconds: float) -> None:
        sender, reason, now = answer.work.asked.sender, answer.result.detail or "", self._clock.database_now()
        event("sender left alone", sender=sender, seconds=seconds, reason=reason)
        consequences.block(self._database, self._provider.name, sender=sender, reason=reason, seconds=seconds, now=now)


def _message(work: Work) -> Message:
    claimed, asked = work.claimed, work.asked
    text = claimed.personalized_content
    return Message(asked.attempt_id, claimed.phone_number, asked.sender, text, work.validity, work.user_id)


def _by_tenant(items: Sequence[T], *, of: Callable[[T], Work] | None = None) -> list[tuple[UUID, list[T]]]:
    """Group by tenant; `of` says which work an item is about, for items that are not work themselves."""

    def tenant(item: T) -> UUID:
        return (of(item) if of else cast("Work", item)).user_id

    return [(user_id, list(group)) for user_id, group in groupby(sorted(items, key=tenant), tenant)]

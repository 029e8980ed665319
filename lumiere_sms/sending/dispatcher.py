"""The dispatcher: claim → arm → submit → settle, each step a transaction of its own, the wire in between.

One task claims, two arm by turns, one settles; the calls to the provider are the wire's (wire.py).
Armers and settler each take *everything that waits now* and write it in one statement a tenant, then
look again: at one text a second that is one row a commit, at thousands a hundred. What is armed goes
on the wire at once; at full speed so much is armed ahead as the wire takes in a moment (ahead.py).

Whatever a call ends in is settled, and a settlement is tried until the database takes it. What a crash
leaves behind, leases find: claimed goes again, submitting becomes unknown.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import clock_gettime, monotonic
from typing import TypeVar, cast
from uuid import UUID

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Armed, Outcome
from lumiere_sms.database.patience import LET_GO, LET_GO_SOON
from lumiere_sms.errors import ConfigurationError, ProviderError
from lumiere_sms.logs import event, logger
from lumiere_sms.providers.base import Message, Provider, Reason
from lumiere_sms.providers.prices import PriceOf
from lumiere_sms.sending import adapting, consequences, outcomes, settling
from lumiere_sms.sending.ahead import Ahead
from lumiere_sms.sending.claiming import Claimer, Round, Work
from lumiere_sms.sending.health import Health
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.inbox import Inbox
from lumiere_sms.sending.outcomes import Answer
from lumiere_sms.sending.wire import WAKEFUL, Wire

T = TypeVar("T")

ARMERS = 2  # one arms while the other's answer is on its way
PATIENCE = 10  # claims in a row that the database refuses, or arms that are too late, before a single pass gives up


class Dispatcher:
    """Sends for one daemon through one provider, `slots` calls at a time."""

    reconnect = 1.0  # seconds between tries where the database refuses
    insistence = recipients.LEASE.total_seconds()  # in a single pass, where it refuses what has to be recorded

    def __init__(self, host: Host, provider: Provider, *, claimer: Claimer, price_of: PriceOf, slots: int) -> None:
        self._database = host.database
        self._provider = provider
        self._claimer = claimer
        self._daemon = host.daemon
        self._clock = host.clock
        self._chance = host.chance
        self._idling = host.idling
        self._price_of = price_of
        self._slots = slots
        self._held = 0  # claimed, and neither answered nor given back
        self._busy = 0  # of these, past the armer: being armed or on the wire
        self._unsettled = 0  # answers that the database does not know of yet
        self._ahead = Ahead(slots)
        self._once = False
        self._refused = 0  # in a row, by the database
        self._late = 0  # settlements in a row of texts that were all armed too long ago
        self._wire = Wire(slots, call=self._submit, late=self._note_late, lost=self._note_lost)
        self._changed = asyncio.Event()
        self._idling.join(self, self._nudge)
        self.health = Health(host, provider)
        self._freed = asyncio.Event()
        self._taking = asyncio.Lock()
        self._stopping = False
        self._to_arm: Inbox[Work] = Inbox()
        self._answers: Inbox[Answer] = Inbox()
        self.outcomes: Counter[Outcome] = Counter()
        self.failure: Exception | None = None  # what ended the run: raised when all that was on the wire is settled
        self.why = ""  # what holds up the claims
        self.refusal = ""  # what the last answer said, if it was a refusal

    async def run(self, *, once: bool) -> None:
        """Send until stopped; with `once`, until nothing more may go now.

        A bug of ours ends it too, but what is on the wire is settled first.
        """
        self._once = once
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settle_all())
            group.create_task(self._arm_all())
            watching = group.create_task(self.health.watch())
            await self._contain(self._claim_all(once=once))
            watching.cancel()
            self._to_arm.close()
        if self.failure:
            raise self.failure

    def stop(self) -> None:
        """Claim no more, give back what is not on the wire, settle what is."""
        self._stopping = True
        self._changed.set()
        self._freed.set()

    def _nudge(self, everywhere: bool) -> None:  # noqa: FBT001 - called by Idling alone
        if everywhere:
            self._claimer.look_afresh()
        self._changed.set()

    async def _contain(self, work: Awaitable[None]) -> None:
        """Do a task's work; where it fails, stop, so that the other tasks drain."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - raised by `run`, when all that is on the wire is settled
            self.failure = self.failure or error
            self.stop()

    async def _claim_all(self, *, once: bool) -> None:
        while not self._stopping and not (once and self._idling.is_over):
            self._changed.clear()
            happened, began = self._idling.happened, monotonic()
            found = await self._claim(max(1, self._room() - self._held))
            self.why = found.why
            self.health.see(found.standing, since=began, missed=found.is_trial and not found.work)
            self._held += len(found.work)
            self._to_arm.put(found.work)
            if not found.drained or self._held or self._unsettled:
                self._idling.wake(self)
            else:
                self._idling.rest(self, since=happened)
            if not found.work:
                await self._rest(found.wait if not found.drained else found.wait * self._chance.uniform(0.5, 1.5))
            while self._has_enough() and not self._stopping:
                self._changed.clear()
                await self._changed.wait()

    async def _claim(self, free: int) -> Round:
        claim = partial(self._claimer.claim, self._database, slots=free, now=self._clock.database_now())
        try:
            found = await asyncio.to_thread(claim)
        except ConfigurationError as error:  # lost, full, read-only: what is on the wire must not die of it
            self._refuse(error)
            self._claimer.look_afresh()  # what it took may wait behind the place where it ended
            return Round(wait=self.reconnect, drained=False)
        if not found.work and not self._held:
            self._refused = 0
        return found

    def _refuse(self, error: ConfigurationError) -> None:
        """Note that the database refused a claim or an arm; a single pass gives up after many in a row."""
        event("database refuses", error=error)
        self._refused += 1
        if self._once and self._refused >= PATIENCE:
            self.failure = self.failure or error
            self.stop()

    def _has_enough(self) -> bool:
        """Say whether another claim would only hold what cannot go soon."""
        waiting = self._held - self._busy
        return waiting > self._ahead.claimed // 2 or self._held >= self._room()

    def _room(self) -> int:
        """How many to hold in all."""
        return self._slots + self._ahead.armed + self._ahead.claimed

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    async def _arm_all(self) -> None:
        await asyncio.gather(*(self._contain(self._arm_what_comes()) for _ in range(ARMERS)))
        await self._wire.ended()
        self._answers.close()

    async def _arm_what_comes(self) -> None:
        while work := await self._next_to_arm():
            for user_id, group in _by_tenant(work):
                if self._stopping or self.health.is_open:
                    await self._give_back(user_id, group)
                else:
                    await self._arm(user_id, group)

    async def _next_to_arm(self) -> list[Work]:
        """Take what is claimed, at most the free slots and some ahead; all, to be given back, when stopping.

        Half of what is armed ahead goes out before another arm: at full speed that makes a batch of it.
        """
        async with self._taking:
            while self._busy >= self._slots + self._ahead.armed // 2 and not self._stopping:
                self._freed.clear()
                await self._freed.wait()
            most = max(1, self._slots + self._ahead.armed - self._busy)
            work = await self._to_arm.take(None if self._stopping else most)
            self._busy += len(work)
        self._changed.set()
        return work

    async def _arm(self, user_id: UUID, work: list[Work]) -> None:
        began = monotonic()
        try:
            armed, armed_at = await asyncio.to_thread(self._arm_now, user_id, work)
        except ConfigurationError as error:
            self._refuse(error)
            return await self._disarm(user_id, work)
        self._refused = 0
        self._ahead.note_arm(monotonic() - began)
        self._wire.put(_passed(work, armed), armed_at)
        await self._note_arm(work, armed)
        if armed.short:
            now = self._clock.database_now()
            await self._insist(partial(consequences.pause_short, self._database, user_id, armed.short, now=now))
        if turned_away := [each for each in work if each.asked.attempt_id not in armed.passed]:
            await self._give_back(user_id, turned_away)
        return None

    async def _note_arm(self, work: list[Work], armed: Armed) -> None:
        """Note how long the claims waited for their arm, and give back what they were charged for longer."""
        now = self._clock.database_now()
        ages = {charge: charge.age(monotonic(), now) for charge in {each.charge for each in work}}
        self._claimer.note_arm(max(ages.values()))
        if any(charge.is_felt for charge in ages):
            with suppress(ConfigurationError):  # the pace heals by itself
                await asyncio.to_thread(partial(adapting.note_arm, self._database, work, armed.passed, ages=ages))

    async def _disarm(self, user_id: UUID, work: list[Work]) -> None:
        """Take back an arm that may have been committed or not: no call has begun, so nothing is in doubt.

        Giving back waits for the rows that the lost transaction may still hold; what it had armed after all is
        settled as not sent. A database that takes the claim and refuses the arm is not asked without a rest.
        """
        statuses = await self._insist(partial(self._turn_away_now, user_id, work))
        self._unsettled += len(work)
        self._answers.put(outcomes.not_sent(replace(each, is_holding=True)) for each in work)  # it may
        await asyncio.sleep(self.reconnect)
        self._look_again(work, statuses)
        self._take_back(len(work))

    def _arm_now(self, user_id: UUID, work: list[Work]) -> tuple[Armed, float]:
        """Arm, and read a clock that never stops before the commit: a call counts its age from there."""
        with self._database.transaction(limits=LET_GO_SOON) as connection:
            armed = recipients.arm(
                connection,
                user_id,
                [each.asked for each in work],
                daemon=self._daemon,
                provider=self._provider.name,
                price_of=self._price_of,
                now=self._clock.database_now(),
            )
            return armed, clock_gettime(WAKEFUL)

    async def _give_back(self, user_id: UUID, work: list[Work]) -> None:
        with suppress(ConfigurationError):  # the leases do the rest
            await asyncio.to_thread(self._give_back_now, user_id, work)
        self._take_back(len(work))

    def _turn_away_now(self, user_id: UUID, work: list[Work]) -> dict[UUID, str]:
        asked, now = [each.asked for each in work], self._clock.database_now()
        with self._database.transaction(limits=LET_GO) as connection:
            return recipients.turn_away(connection, user_id, asked, daemon=self._daemon, now=now)

    def _give_back_now(self, user_id: UUID, work: list[Work]) -> None:
        statuses = self._turn_away_now(user_id, work)
        adapting.give_back(self._database, work)
        self._look_again(work, statuses)

    def _look_again(self, work: list[Work], statuses: dict[UUID, str]) -> None:
        for each in work:
            if statuses.get(each.asked.id) == "pending":
                self._claimer.look_again_at(each.charge.payer.occurrence_id)

    async def _submit(self, work: Work) -> None:
        if self.health.is_open:  # since it was armed
            return self._note_late(work)
        self.health.begin(work.asked.attempt_id)
        self._take(await self._call(work))
        return None

    def _note_late(self, work: Work) -> None:
        self._take(outcomes.not_sent(work))

    def _note_lost(self, work: Work) -> None:
        error = TimeoutError("no answer came in time")
        self._take(outcomes.refused(work, error, about=Reason.UNKNOWN, chance=self._chance))

    def _take(self, answer: Answer) -> None:
        self.health.end(answer)
        self.outcomes[answer.result.outcome] += 1
        if answer.result.outcome is Outcome.UNKNOWN:
            self._idling.doubt()
        self._unsettled += 1
        self._answers.put([answer])
        self._free(1)

    async def _call(self, work: Work) -> Answer:
        try:
            taken = await self._provider.submit(_message(work))
        except ProviderError as error:
            about = self._provider.meaning_of(error.code).reason if error.code else Reason.UNKNOWN
            return outcomes.refused(work, error, about=about, chance=self._chance)
        except Exception as error:  # noqa: BLE001 - a bug of one call must not take the others along; the text may be out
            logger.exception("the provider failed", extra={"fields": {"provider": self._provider.name}})
            return outcomes.refused(work, error, about=Reason.UNKNOWN, chance=self._chance)
        return outcomes.accepted(work, taken, price_of=self._price_of)

    def _take_back(self, slots: int) -> None:
        """Free slots whose texts did not go: a claim that looks just now may have missed them."""
        self._idling.wake(self)
        if self.health.is_open:  # another provider's to send
            self._idling.stir()
        self._free(slots)

    def _free(self, slots: int) -> None:
        self._busy -= slots
        self._held -= slots
        self._ahead.count(slots)
        self._freed.set()
        if self._held == self._busy:  # nothing waits for the slot that is free now
            self._changed.set()

    async def _settle_all(self) -> None:
        while answers := await self._answers.take():
            await self._contain(self._take_note(answers))  # before a text that was refused may be claimed again
            for user_id, group in _by_tenant(answers, of=lambda answer: answer.work):
                await self._contain(self._insist(partial(self._settle_now, user_id, group)))
                self._note_settled(group)
            if adapting.has_news(answers):
                adapt = partial(adapting.adapt, self._database, answers, now=self._clock.database_now())
                await self._contain(self._insist(adapt))

    def _note_settled(self, answers: Sequence[Answer]) -> None:
        self._unsettled -= len(answers)
        self._idling.settled(sum(each.result.outcome is Outcome.UNKNOWN for each in answers))
        late = [each for each in answers if each.result.outcome is Outcome.NOT_SENT]
        self._late = self._late + 1 if len(late) == len(answers) else 0
        if any(map(outcomes.goes_at_once, answers)) or (late and self._late < PATIENCE):
            self._idling.stir()

    def _settle_now(self, user_id: UUID, answers: list[Answer]) -> None:
        now = self._clock.database_now()
        settling.settle(self._database, user_id, answers, provider=self._provider, now=now)

    async def _insist(self, step: Callable[[], T]) -> T:
        """Do a step until the database takes it: what is on the wire cannot be called back.

        A single pass gives up when the leases are over anyway: what it knew is then `unknown`.
        """
        since = monotonic()
        while True:
            try:
                return await asyncio.to_thread(step)
            except ConfigurationError as error:
                event("database refuses", error=error)
                if self._once and monotonic() - since >= self.insistence:
                    raise
                await asyncio.sleep(self.reconnect)

    async def _take_note(self, answers: Sequence[Answer]) -> None:
        """Leave the provider or a sender alone where the answers say so."""
        await self.health.judge(answers)
        for answer in answers:
            refused = answer.result.outcome is Outcome.UNAVAILABLE
            self.refusal = answer.result.detail or "" if refused else ""
            if seconds := consequences.rest_after(answer):
                await self._insist(partial(self._block_now, answer, seconds))

    def _block_now(self, answer: Answer, seconds: float) -> None:
        sender, reason, now = answer.work.asked.sender, answer.result.detail or "", self._clock.database_now()
        event("sender left alone", sender=sender, seconds=seconds, reason=reason)
        consequences.block(self._database, self._provider.name, sender=sender, reason=reason, seconds=seconds, now=now)


def _message(work: Work) -> Message:
    claimed, asked = work.claimed, work.asked
    text = claimed.personalized_content
    return Message(asked.attempt_id, claimed.phone_number, asked.sender, text, work.validity, work.user_id)


def _passed(work: Sequence[Work], armed: Armed) -> list[Work]:
    """Return what may go, with what a budget holds for it."""
    going = [each for each in work if each.asked.attempt_id in armed.passed]
    if not armed.holding:
        return going
    return [replace(each, is_holding=each.asked.attempt_id in armed.holding) for each in going]


def _by_tenant(items: Sequence[T], *, of: Callable[[T], Work] | None = None) -> list[tuple[UUID, list[T]]]:
    """Group by tenant; `of` says which work an item is about, for items that are not work themselves."""
    groups: dict[UUID, list[T]] = {}
    for item in items:
        work = of(item) if of else cast("Work", item)
        groups.setdefault(work.user_id, []).append(item)
    return sorted(groups.items())

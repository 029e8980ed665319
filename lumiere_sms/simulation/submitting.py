"""Texts on their way in a simulation: the product's own claim, arm and settlement, and between them no wire.

Every text that passes the arm is accepted. The claims go round the runs by the same turns as a daemon's, a thousand
texts at a time; what they bring is armed and settled together, each while the next is claimed.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Armed
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.providers.base import Accepted
from lumiere_sms.sending import adapting, consequences, outcomes, settling
from lumiere_sms.sending.claiming import Claimer, Work
from lumiere_sms.simulation.wiring import Outlet

TURN = 1000  # texts that a run's turn takes at most
BATCH = 5000  # texts that are armed and settled together


@dataclass(frozen=True, slots=True)
class Sent:
    """What a moment brought: how many texts went, and whether more wait for nothing but the pace."""

    texts: int
    is_paced: bool


class Submitter(AbstractContextManager["Submitter"]):
    """Sends what is due at an instant, through providers that accept everything. Works until its block ends."""

    def __init__(self, database: Database, user_id: UUID, *, outlets: Sequence[Outlet], clock: Clock) -> None:
        self._database = database
        self._user_id = user_id
        self._clock = clock
        self._daemon = new_id()
        self._lanes = [(outlet, self._claimer(outlet)) for outlet in outlets]
        self._settler = ThreadPoolExecutor(max_workers=1)
        self._settling: Future[None] | None = None

    def __exit__(self, *_: object) -> None:
        self._settler.shutdown()

    def send(self, *, ahead: timedelta) -> Sent:
        """Send what is due now, as much as the pace lets go within `ahead`."""
        found = self._send_through_all(ahead)
        texts = found.texts
        while found.texts and len(self._lanes) > 1:  # what one does not take any more may be another's now
            found = self._send_through_all(ahead)
            texts += found.texts
        self._settled()
        return Sent(texts, found.is_paced)

    def _send_through_all(self, ahead: timedelta) -> Sent:
        sent, is_paced = 0, False
        for outlet, claimer in self._lanes:
            claimer.ahead = ahead
            claimer.look_afresh()
            texts, waits = self._send_through(outlet, claimer)
            sent, is_paced = sent + texts, is_paced or waits
        return Sent(sent, is_paced)

    def _claimer(self, outlet: Outlet) -> Claimer:
        name, sender = outlet.provider.name, outlet.router.default_sender
        claimer = Claimer(self._daemon, provider=name, default_sender=sender, router=outlet.router)
        claimer.grace, claimer.turn = timedelta(0), TURN
        return claimer

    def _send_through(self, outlet: Outlet, claimer: Claimer) -> tuple[int, bool]:
        """Claim and send until nothing more may go now; say whether the pace holds more back."""
        sent = stopped = 0
        while (found := claimer.claim(self._database, slots=BATCH, now=self._clock.database_now())).work:
            passed = self._pass(outlet, claimer, found.work)
            sent, before, stopped = sent + passed, stopped, len(found.work) - passed
            if not stopped and len(found.work) < BATCH:  # every run was looked at
                break
            if not passed and stopped == before:  # what is stopped again and again waits for another moment
                break
        return sent, not found.drained

    def _pass(self, outlet: Outlet, claimer: Claimer, work: list[Work]) -> int:
        armed = self._arm(outlet, work)
        going = [each for each in work if each.asked.attempt_id in armed.passed]
        if going:
            self._settle(outlet, going, armed)
        if armed.short:
            now = self._clock.database_now()
            consequences.pause_short(self._database, self._user_id, armed.short, now=now)
        if len(going) < len(work):
            self._turn_away(claimer, [each for each in work if each.asked.attempt_id not in armed.passed])
        return len(going)

    def _arm(self, outlet: Outlet, work: list[Work]) -> Armed:
        with self._database.transaction() as connection:
            return recipients.arm(
                connection,
                self._user_id,
                [each.asked for each in work],
                daemon=self._daemon,
                provider=outlet.provider.name,
                price_of=outlet.price_of,
                now=self._clock.database_now(),
            )

    def _settle(self, outlet: Outlet, going: list[Work], armed: Armed) -> None:
        accept = partial(outcomes.accepted, price_of=outlet.price_of)
        answers = [
            accept(
                replace(each, is_holding=True) if each.asked.attempt_id in armed.holding else each,
                Accepted(each.asked.attempt_id.hex),
            )
            for each in going
        ]
        now, provider = self._clock.database_now(), outlet.provider
        self._settled()
        settle = partial(settling.settle, self._database, self._user_id, answers, provider=provider, now=now)
        self._settling = self._settler.submit(settle)

    def _settled(self) -> None:
        """Wait until what was given to the settler is settled."""
        settling, self._settling = self._settling, None
        if settling:
            settling.result()

    def _turn_away(self, claimer: Claimer, work: list[Work]) -> None:
        """Give back what did not pass. Of several texts to one person under a cap, the next arm counts the first."""
        asked, now = [each.asked for each in work], self._clock.database_now()
        with self._database.transaction() as connection:
            recipients.turn_away(connection, self._user_id, asked, daemon=self._daemon, now=now)
        adapting.give_back(self._database, work)
        for each in work:
            claimer.look_again_at(each.charge.payer.occurrence_id)

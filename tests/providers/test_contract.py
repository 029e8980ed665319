import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lumiere_sms.errors import RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Accepted, Action, Message, Provider, Receipt, Reply
from lumiere_sms.providers.console import ConsoleProvider
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.contract import (
    CHECKS,
    Behaviour,
    records_prove_what_was_accepted,
    repeated_receipt_says_the_same,
)
from lumiere_sms.testing.scripted import Answer, Lost, ScriptedProvider


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_twilio_keeps_the_contract(check, world):
    asyncio.run(check(world))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_end_user_messaging_keeps_the_contract(check, aws_world):
    asyncio.run(check(aws_world))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sns_keeps_the_contract(check, sns_world):
    asyncio.run(check(sns_world))


class ConsoleWorld:
    sender, phone = "console", "+819012345678"
    today: date = datetime(2026, 3, 15, tzinfo=UTC).date()

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def provider(self) -> Provider:
        return ConsoleProvider()

    def behave(self, behaviour: Behaviour) -> None:
        if behaviour is not Behaviour.ACCEPTS:
            raise NotImplementedError

    def answer(self, body: str) -> None:
        raise NotImplementedError(body)

    @property
    def accepted(self) -> Sequence[str]:
        printed = self._capsys.readouterr().out.removeprefix("to +81········78: ")
        return printed.removesuffix("\n").replace("\n    ", "\v").replace("\v", "\n").split("\nto +81········78: ")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_console_keeps_what_concerns_it_of_the_contract(check, capsys):
    with suppress(NotImplementedError):  # a terminal neither refuses nor fails
        asyncio.run(check(ConsoleWorld(capsys)))


class Told(ScriptedProvider):
    def __init__(self, world: "ScriptedWorld") -> None:
        super().__init__(clock=FrozenClock(datetime(2026, 3, 15, 1, tzinfo=UTC)))
        self._world = world

    def _next_answer(self, phone: str) -> Answer:
        match self._world.behaviour:
            case Behaviour.ACCEPTS:
                return None
            case Behaviour.REJECTS:
                return RejectedError("no", code="1")
            case Behaviour.THROTTLES:
                return UnavailableError("slower", action=Action.CUT_PACE)
            case Behaviour.REFUSES_CONNECTIONS:
                return UnavailableError("nobody listens")
        return Lost(accepted=self._world.behaviour is not Behaviour.CUTS_BEFORE_ACCEPTING)

    async def submit(self, message: Message) -> Accepted:
        try:
            accepted = await super().submit(message)
        finally:
            self._world.accepted = [text.body for text in self.accepted]
            if self._world.behaviour is Behaviour.KEEPS_SILENT and message.body == "cancelled":
                await asyncio.sleep(60)
        return accepted


class ScriptedWorld:
    sender, phone = "+15005550006", "+819012345678"
    today: date = datetime(2026, 3, 15, tzinfo=UTC).date()

    def __init__(self, kind: type[Told] = Told) -> None:
        self.behaviour = Behaviour.ACCEPTS
        self.accepted: list[str] = []
        self._provider = kind(self)

    def provider(self) -> Provider:
        return self._provider

    def behave(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    def answer(self, body: str) -> None:
        self._provider.answer(self.phone, body, sender=self.sender)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_provider_in_memory_keeps_the_contract_too(check):
    asyncio.run(check(ScriptedWorld()))


class TakesATimeOutForARefusal(Told):
    async def submit(self, message: Message) -> Accepted:
        try:
            return await super().submit(message)
        except UnknownOutcomeError as error:
            raise UnavailableError("try again") from error


class AsksTwice(Told):
    async def submit(self, message: Message) -> Accepted:
        try:
            return await super().submit(message)
        except UnknownOutcomeError:
            return await super().submit(message)


class AcceptsEverything(Told):
    async def submit(self, message: Message) -> Accepted:
        await asyncio.gather(super().submit(message), return_exceptions=True)
        return Accepted("1")


class ListsEverybody(Told):
    async def list_to(self, phone: str) -> Sequence[Receipt]:
        return list(self._receipts.values())


class ForgetsTheRestOfAnAnswer(Told):
    async def list_replies(self, *, sender: str, since: datetime) -> AsyncIterator[Sequence[Reply]]:
        async for page in super().list_replies(sender=sender, since=since):
            yield [replace(each, body=each.body[:20]) for each in page]


DOUBTFUL = {
    "failure_after_accepting_is_doubtful",
    "cut_connection_is_doubtful",
    "silence_is_doubtful",
    "rubbish_is_doubtful",
}


@pytest.mark.parametrize(
    ("kind", "failing"),
    [
        pytest.param(TakesATimeOutForARefusal, DOUBTFUL, id="a time-out taken for a refusal"),
        pytest.param(AsksTwice, DOUBTFUL, id="a second try"),
        pytest.param(AcceptsEverything, DOUBTFUL | {"refusal_is_final"}, id="a refusal taken for a yes"),
        pytest.param(ForgetsTheRestOfAnAnswer, {"answer_arrives_as_it_was_written"}, id="half of an answer"),
        pytest.param(ListsEverybody, {"records_prove_what_was_accepted"}, id="one's records taken for another's"),
    ],
)
def test_the_contract_finds_a_provider_that_would_send_twice_or_lose_a_text(kind, failing):
    failed = set()
    for check in CHECKS:
        try:
            asyncio.run(check(ScriptedWorld(kind)))
        except AssertionError:
            failed.add(check.__name__)

    assert failing <= failed


def test_a_provider_without_receipts_or_records_is_not_asked_for_any():
    class Silent(Told):
        has_receipts = has_records = False

    for check in (repeated_receipt_says_the_same, records_prove_what_was_accepted):
        asyncio.run(check(ScriptedWorld(Silent)))

"""What every provider must do, as checks that a third party runs against its own.

Write a `World` for your provider: the other side of the wire, real enough that your provider cannot tell.
Then, with pytest or anything else:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_provider_keeps_the_contract(check):
        with MyWorld() as world:
            asyncio.run(check(world))

A check returns, or fails with an AssertionError that says what a person would suffer. It raises NotImplementedError
where your world does, because its other side never does what the check is about.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import uuid4

from lumiere_sms.errors import ProviderError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Message, Provider, Receipt, Reply

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Behaviour(StrEnum):
    """What the other side does with the next submission."""

    ACCEPTS = "accepts"
    REJECTS = "rejects"  # for good: the number cannot receive texts
    THROTTLES = "throttles"  # asks to be asked later; accepts nothing
    FAILS_AFTER_ACCEPTING = "fails_after_accepting"  # accepts, then says that it failed
    CUTS_BEFORE_ACCEPTING = "cuts_before_accepting"  # reads the request, then is gone
    CUTS_AFTER_ACCEPTING = "cuts_after_accepting"
    KEEPS_SILENT = "keeps_silent"  # accepts, never answers
    TALKS_RUBBISH = "talks_rubbish"  # accepts, answers what nobody can read
    REFUSES_CONNECTIONS = "refuses_connections"  # nobody listens


class World(Protocol):
    """The other side of the wire. `sender` is one that it takes texts from, `phone` one that it can reach."""

    sender: str
    phone: str

    def provider(self) -> Provider:
        """Return a provider that speaks to this world and gives up on an answer within a second or so."""
        ...

    def behave(self, behaviour: Behaviour) -> None:
        """Do so with every submission from now on.

        Raises: NotImplementedError where this other side never does; the check then has nothing to show.
        """
        ...

    def answer(self, body: str) -> None:
        """Let `phone` text `body` to `sender`.

        Raises: NotImplementedError where nobody can answer; a provider that `has_replies` has somebody who can.
        """
        ...

    @property
    def accepted(self) -> Sequence[str]:
        """The bodies of all texts that would reach a phone, in order."""
        ...

    @property
    def today(self) -> date:
        """The day (UTC) on which this world sends."""
        ...


Check = Callable[[World], Awaitable[None]]


async def accepted_text_has_an_id(world: World) -> None:
    """Check that an accepted text comes with an id that no other text has."""
    provider = world.provider()
    first, second = await provider.submit(_message(world, "one")), await provider.submit(_message(world, "two"))
    await provider.close()

    assert first.provider_message_id, "an accepted text has no id: nothing can be found out about it later"
    assert first.provider_message_id != second.provider_message_id, "two texts share one id"
    assert list(world.accepted) == ["one", "two"], "not every submission reached the provider once, as it was"


async def text_arrives_as_it_was_written(world: World) -> None:
    """Check that kanji, emoji, line ends and signs that mean something on the wire arrive unchanged."""
    body = "田中様 😀\n10% & more = +1? €[~]"
    await _submit(world, Behaviour.ACCEPTS, body)

    assert list(world.accepted) == [body], "the text was changed on its way"


async def concurrent_texts_keep_their_own_ids(world: World) -> None:
    """Check that the answers to submissions that run at once are not mixed up."""
    provider = world.provider()
    ids = await asyncio.gather(*(provider.submit(_message(world, f"text {number}")) for number in range(20)))
    await provider.close()

    assert len({accepted.provider_message_id for accepted in ids}) == len(ids), "two texts were given one id"
    assert len(world.accepted) == len(ids), "a text was submitted twice, or not at all"


async def refusal_is_final(world: World) -> None:
    """Check that a refusal is a RejectedError with the provider's code."""
    error = await _failure(world, Behaviour.REJECTS)

    assert isinstance(error, RejectedError), f"a refusal for good became {type(error).__name__}"
    assert error.code, "the provider's code was lost"
    assert not world.accepted


async def throttled_text_may_be_sent_again(world: World) -> None:
    """Check that a throttled text is an UnavailableError that asks for a slower pace."""
    error = await _failure(world, Behaviour.THROTTLES)

    assert isinstance(error, UnavailableError), f"a throttled text became {type(error).__name__}"
    assert error.action, "nothing asks the engine to go slower"
    assert not world.accepted


async def refused_connection_may_be_tried_again(world: World) -> None:
    """Check that where nobody listens nothing counts as sent: an UnavailableError."""
    error = await _failure(world, Behaviour.REFUSES_CONNECTIONS)

    assert isinstance(error, UnavailableError), f"a refused connection became {type(error).__name__}"


async def failure_after_accepting_is_doubtful(world: World) -> None:
    """Check that a provider that says that it failed leaves a doubt: it may have accepted the text."""
    await _is_doubtful(world, Behaviour.FAILS_AFTER_ACCEPTING)


async def cut_connection_is_doubtful(world: World) -> None:
    """Check that a connection that is cut after the request leaves a doubt, accepted or not."""
    await _is_doubtful(world, Behaviour.CUTS_AFTER_ACCEPTING)
    error = await _failure(world, Behaviour.CUTS_BEFORE_ACCEPTING)

    assert isinstance(error, UnknownOutcomeError), "nobody can know that a request was not read"


async def silence_is_doubtful(world: World) -> None:
    """Check that a read time-out leaves a doubt."""
    await _is_doubtful(world, Behaviour.KEEPS_SILENT)


async def rubbish_is_doubtful(world: World) -> None:
    """Check that an answer that nobody can read leaves a doubt."""
    await _is_doubtful(world, Behaviour.TALKS_RUBBISH)


async def recovers_by_itself(world: World) -> None:
    """Check that one provider object goes on working after every kind of failure."""
    provider = world.provider()
    for behaviour in (Behaviour.CUTS_AFTER_ACCEPTING, Behaviour.TALKS_RUBBISH, Behaviour.THROTTLES):
        world.behave(behaviour)
        try:
            await provider.submit(_message(world, "lost"))
        except ProviderError:
            world.behave(Behaviour.ACCEPTS)
    accepted = await provider.submit(_message(world, "last"))
    await provider.close()

    assert accepted.provider_message_id
    assert list(world.accepted)[-1] == "last"


async def cancelled_call_ends_at_once(world: World) -> None:
    """Check that a cancelled submission raises CancelledError and nothing else, so that the engine can stop."""
    world.behave(Behaviour.KEEPS_SILENT)
    provider = world.provider()
    call = asyncio.create_task(provider.submit(_message(world, "cancelled")))
    while not world.accepted:  # noqa: ASYNC110 - a world is asked; it tells nothing by itself
        await asyncio.sleep(0.005)
    call.cancel()
    (ended,) = await asyncio.gather(call, return_exceptions=True)
    await provider.close()

    assert isinstance(ended, asyncio.CancelledError), f"a cancelled call ended with {ended!r}"


async def repeated_receipt_says_the_same(world: World) -> None:
    """Check that what is listed twice is the same text twice, with what a match by number and body needs."""
    provider = world.provider()
    if not provider.has_receipts:
        await provider.close()
        return
    accepted = await provider.submit(_message(world, "listed"))
    first, second = await _listed(provider, world), await _listed(provider, world)
    fetched = await provider.fetch_receipt(accepted.provider_message_id)
    stranger = await provider.fetch_receipt("no-such-text")
    await provider.close()

    assert [receipt.provider_message_id for receipt in first] == [accepted.provider_message_id]
    assert [receipt.provider_message_id for receipt in second] == [accepted.provider_message_id]
    assert (first[0].to, first[0].sender, first[0].body) == (world.phone, world.sender, "listed")
    assert fetched is not None, "an accepted text cannot be fetched"
    assert fetched.provider_message_id == accepted.provider_message_id
    assert stranger is None, "a text that never was has a receipt"


async def repeated_event_says_the_same(world: World) -> None:
    """Check that an event names the attempt it is about, and comes again until it was taken, and then no more."""
    provider = world.provider()
    if not provider.has_events:
        await provider.close()
        return
    message = _message(world, "told")
    accepted = await provider.submit(message)
    first, again = await _reported(provider, most=1), await _reported(provider)
    left = await _reported(provider)
    await provider.close()

    assert first, "nothing was reported of an accepted text"
    assert {receipt.provider_message_id for receipt in (*first, *again)} == {accepted.provider_message_id}
    assert {receipt.attempt_id for receipt in (*first, *again)} == {message.attempt_id}, "an event names no attempt"
    assert {receipt.user_id for receipt in (*first, *again)} == {message.user_id}, "an event names no tenant"
    assert {receipt.status for receipt in first} <= {receipt.status for receipt in again}, "an event came only once"
    assert not left, "an event that was taken came again"


async def records_prove_what_was_accepted(world: World) -> None:
    """Check that the records of a number hold what it was sent, lost answers included, and nobody else's texts."""
    provider = world.provider()
    if not provider.has_records:
        await provider.close()
        return
    await provider.close()
    error = await _failure(world, Behaviour.FAILS_AFTER_ACCEPTING)
    world.behave(Behaviour.ACCEPTS)
    provider = world.provider()
    records = await provider.list_to(world.phone)
    others = await provider.list_to(f"{world.phone[:-1]}{(int(world.phone[-1]) + 1) % 10}")
    await provider.close()

    assert isinstance(error, UnknownOutcomeError)
    assert [(each.sender, each.body) for each in records] == [(world.sender, "hello")], "the lost text is not found"
    assert all(each.created_at and each.created_at.tzinfo for each in records), "nothing says when it was accepted"
    assert not others, "the records of one number hold another's: somebody would get no text"


async def answer_arrives_as_it_was_written(world: World) -> None:
    """Check that what a person answers is told whole, from whom and to which sender, and as one message."""
    provider = world.provider()
    if not provider.has_replies:
        await provider.close()
        return
    body = "配信停止 😀\n10% & more = +1? STOP"
    world.answer(body)
    found, again = await _answered(provider, world), await _answered(provider, world)
    await provider.close()

    assert [each.body for each in found] == [body], "an answer was lost, doubled or changed: a refusal may be in it"
    assert (found[0].phone, found[0].sender) == (world.phone, world.sender), "it is not said who answered whom"
    assert found[0].provider_message_id, "an answer has no id: it would count again each time"
    assert found[0].received_at is None or found[0].received_at.tzinfo, "an answer's time has no zone"
    assert {each.provider_message_id for each in again} <= {found[0].provider_message_id}, "one answer became two"


CHECKS: tuple[Check, ...] = (
    accepted_text_has_an_id,
    text_arrives_as_it_was_written,
    concurrent_texts_keep_their_own_ids,
    refusal_is_final,
    throttled_text_may_be_sent_again,
    refused_connection_may_be_tried_again,
    failure_after_accepting_is_doubtful,
    cut_connection_is_doubtful,
    silence_is_doubtful,
    rubbish_is_doubtful,
    recovers_by_itself,
    cancelled_call_ends_at_once,
    repeated_receipt_says_the_same,
    records_prove_what_was_accepted,
    repeated_event_says_the_same,
    answer_arrives_as_it_was_written,
)


async def _is_doubtful(world: World, behaviour: Behaviour) -> None:
    error = await _failure(world, behaviour)

    assert isinstance(error, UnknownOutcomeError), (
        f"a text that was accepted became {type(error).__name__}: it would go twice"
    )
    assert len(world.accepted) == 1, f"one submission put {len(world.accepted)} texts on their way"


async def _failure(world: World, behaviour: Behaviour) -> ProviderError:
    try:
        await _submit(world, behaviour, "hello")
    except ProviderError as error:
        return error
    raise AssertionError(f"a provider that {behaviour.replace('_', ' ')} was taken for one that accepts")


async def _submit(world: World, behaviour: Behaviour, body: str) -> None:
    world.behave(behaviour)
    provider = world.provider()
    try:
        await provider.submit(_message(world, body))
    finally:
        await provider.close()


async def _reported(provider: Provider, *, most: int = 1000) -> list[Receipt]:
    """Read events; of `most` batches the last is read and not taken."""
    found: list[Receipt] = []
    batches = provider.events()
    for _ in range(most):
        if (batch := await anext(batches, None)) is None:
            break
        found += [each for each in batch if isinstance(each, Receipt)]
    if isinstance(batches, AsyncGenerator):
        await batches.aclose()
    return found


async def _answered(provider: Provider, world: World) -> list[Reply]:
    if provider.has_events:
        return [each async for batch in provider.events() for each in batch if isinstance(each, Reply)]
    pages = provider.list_replies(sender=world.sender, since=LONG_AGO)
    return [reply async for page in pages for reply in page]


async def _listed(provider: Provider, world: World) -> list[Receipt]:
    pages = provider.list_receipts(sender=world.sender, day=world.today)
    return [receipt async for page in pages for receipt in page]


def _message(world: World, body: str) -> Message:
    return Message(uuid4(), world.phone, world.sender, body, timedelta(minutes=10), user_id=uuid4())

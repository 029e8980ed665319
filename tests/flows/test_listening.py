import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.errors import UnavailableError
from lumiere_sms.providers.base import Message, Receipt, ReceiptStatus
from lumiere_sms.sending.listening import Listener
from lumiere_sms.sending.unprovable import note_unprovable
from lumiere_sms.testing.scripted import Lost, ScriptedProvider


class Reports(ScriptedProvider):
    """Reports by itself, batch by batch, and asks nobody."""

    has_events, has_records, has_receipts = True, False, False

    def __init__(self, *script, clock):
        super().__init__(script, clock=clock)
        self.batches: list[list[Receipt]] = []
        self.failure: UnavailableError | None = None

    async def events(self) -> AsyncIterator[Sequence[Receipt]]:
        while self.batches:
            yield self.batches[0]
            del self.batches[0]
        if self.failure:
            raise self.failure

    def tell(self, number: int, *statuses: ReceiptStatus, **more) -> None:
        message = self.submissions[number]
        self.batches += [[receipt_of(message, f"told-{number}", status, **more)] for status in statuses]


def receipt_of(message: Message, message_id: str, status: ReceiptStatus, **more) -> Receipt:
    told = {"attempt_id": message.attempt_id, "user_id": message.user_id, "to": message.to}
    return Receipt(message_id, status, **(told | more))


@pytest.fixture
def submitted(database, user_id, clock, dispatcher_of):
    def submit(*script, texts: int = 1, kind: type[Reports] = Reports) -> Reports:
        seed_campaign(database, user_id, now=clock.now(), texts=texts)
        provider = kind(*script, clock=clock)
        asyncio.run(dispatcher_of(provider, slots=1).run(once=True))
        return provider

    return submit


def heard(database, provider, clock):
    return asyncio.run(Listener(database, provider, clock=clock).listen())


def only_submission(database):
    with database.transaction() as connection:
        return connection.execute("SELECT * FROM submissions").fetchone()


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "not that we know"])
def test_a_lost_answer_is_settled_by_the_first_event_that_names_the_attempt(
    database, user_id, clock, submitted, accepted
):
    provider = submitted(Lost(accepted=accepted))
    assert statuses(database, user_id) == {"unknown": 1}
    provider.tell(0, ReceiptStatus.QUEUED)

    heard(database, provider, clock)

    assert statuses(database, user_id) == {"sent": 1}
    assert only_submission(database)["provider_message_id"] == "told-0"


def test_events_tell_the_fate_and_the_price_and_may_come_twice_and_in_any_order(database, user_id, clock, submitted):
    provider = submitted(Lost(accepted=True))
    provider.tell(0, ReceiptStatus.DELIVERED, price=Decimal("0.07"), currency="USD", parts=2)
    provider.tell(0, ReceiptStatus.QUEUED, ReceiptStatus.DELIVERED, ReceiptStatus.SENT)

    heard(database, provider, clock)

    assert statuses(database, user_id) == {"delivered": 1}
    with database.transaction() as connection:
        recipient = connection.execute("SELECT cost, currency, segments_used FROM campaign_recipients").fetchone()
        events = connection.execute("SELECT source, count(*) FROM delivery_events GROUP BY 1").fetchall()
    assert recipient == {"cost": Decimal("0.07"), "currency": "USD", "segments_used": 2}
    assert events == [{"source": "event", "count": 3}]


def test_an_event_that_comes_before_the_answer_settles_the_text_and_the_answer_changes_nothing(
    database, user_id, clock, dispatcher_of
):
    async def story() -> None:
        provider.hold()
        sending = asyncio.create_task(dispatcher_of(provider).run(once=True))
        await provider.arrived(1)
        provider.tell(0, ReceiptStatus.DELIVERED)
        await Listener(database, provider, clock=clock).listen()
        provider.release()
        await sending

    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = Reports(Lost(accepted=True), clock=clock)

    asyncio.run(story())

    assert statuses(database, user_id) == {"delivered": 1}
    assert only_submission(database)["outcome"] == "accepted"
    with database.transaction() as connection:
        assert connection.execute("SELECT kind FROM alerts").fetchall() == []


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param({"user_id": None, "attempt_id": None}, id="without our context"),
        pytest.param({"user_id": uuid4()}, id="of a tenant that is not here"),
        pytest.param({"attempt_id": uuid4()}, id="of an attempt that is not here"),
    ],
)
def test_an_event_of_a_stranger_moves_nobody_and_is_taken(database, user_id, clock, submitted, strange):
    provider = submitted(Lost(accepted=True))
    provider.tell(0, ReceiptStatus.DELIVERED, **strange)

    heard(database, provider, clock)

    assert statuses(database, user_id) == {"unknown": 1}
    assert provider.batches == []


def test_a_batch_whose_settlement_fails_is_not_taken(database, database_url, user_id, clock, submitted):
    provider = submitted(Lost(accepted=True))
    provider.tell(0, ReceiptStatus.DELIVERED)
    receipt = provider.batches[0][0]
    provider.batches[0][0] = replace(receipt, parts=10**9)  # more than the column takes

    with pytest.raises(Exception, match="smallint out of range"):
        heard(database, provider, clock)

    assert len(provider.batches) == 1
    assert statuses(database, user_id) == {"unknown": 1}


def test_what_was_heard_before_a_provider_fails_counts_and_it_is_left_alone_for_a_while(
    database, user_id, clock, submitted
):
    provider = submitted(Lost(accepted=True))
    provider.tell(0, ReceiptStatus.DELIVERED)
    provider.failure = UnavailableError("the queue does not answer")
    listener = Listener(database, provider, clock=clock)

    assert asyncio.run(listener.listen())
    assert statuses(database, user_id) == {"delivered": 1}
    provider.tell(0, ReceiptStatus.SENT)
    asyncio.run(listener.listen())
    assert provider.batches, "it is left alone for a moment"


def test_a_carrier_that_says_the_person_refused_suppresses_the_number(database, user_id, clock, submitted):
    provider = submitted(Lost(accepted=True))
    provider.tell(0, ReceiptStatus.UNDELIVERED, code="21610")

    heard(database, provider, clock)

    with database.transaction() as connection:
        found = connection.execute("SELECT phone_number, reason FROM suppressions").fetchall()
    assert found == [{"phone_number": phone(0), "reason": "opted_out"}]


class KeepsNothing(ScriptedProvider):
    has_records = has_receipts = False


def test_a_doubt_at_a_provider_without_records_says_so_at_once(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = KeepsNothing([Lost(accepted=True)], clock=clock)
    asyncio.run(dispatcher_of(provider).run(once=True))

    assert note_unprovable(database, provider, clock=clock) == 1
    assert note_unprovable(database, provider, clock=clock) == 0

    assert only_submission(database)["finding"] == "scripted keeps no records that could be looked at"
    assert statuses(database, user_id) == {"unknown": 1}


def test_a_doubt_that_records_will_settle_is_left_to_them(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider([Lost(accepted=True)], clock=clock)
    asyncio.run(dispatcher_of(provider).run(once=True))

    assert note_unprovable(database, provider, clock=clock) == 0
    assert only_submission(database)["closed_at"] is None


def test_a_doubt_where_events_are_to_come_waits_a_quarter_of_an_hour_and_a_late_event_still_counts(
    database, user_id, clock, submitted
):
    provider = submitted(Lost(accepted=True))

    assert note_unprovable(database, provider, clock=clock) == 0
    clock.advance(timedelta(minutes=15))
    assert note_unprovable(database, provider, clock=clock) == 1
    assert "reported nothing of it within 15 minutes" in only_submission(database)["finding"]

    provider.tell(0, ReceiptStatus.SENT)
    heard(database, provider, clock)
    assert statuses(database, user_id) == {"sent": 1}


class Queue(Reports):
    """Hands a batch out once, and has it back from nobody for a long time."""

    def __init__(self, *script, clock):
        super().__init__(*script, clock=clock)
        self.handed_out: list[list[Receipt]] = []
        self.is_asked = asyncio.Event()

    async def events(self) -> AsyncIterator[Sequence[Receipt]]:
        while self.batches:
            self.handed_out.append(self.batches.pop(0))
            self.is_asked.set()
            yield self.handed_out[-1]
            self.handed_out.pop()


def test_a_pass_whose_waiter_is_cancelled_goes_on_and_whoever_comes_next_waits_for_it(
    database, user_id, clock, submitted
):
    provider = submitted(Lost(accepted=True), kind=Queue)
    provider.tell(0, ReceiptStatus.QUEUED, ReceiptStatus.DELIVERED)
    listener = Listener(database, provider, clock=clock)

    async def interrupted() -> None:
        job = asyncio.create_task(listener.listen())
        await provider.is_asked.wait()
        job.cancel()
        await listener.listen()

    asyncio.run(interrupted())

    assert statuses(database, user_id) == {"delivered": 1}
    assert (provider.batches, provider.handed_out) == ([], [])

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from support.budgets import budget, sums
from support.salon import only, rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.errors import UnavailableError
from lumiere_sms.providers.base import Receipt, ReceiptStatus
from lumiere_sms.providers.codes import twilio_meaning
from lumiere_sms.sending.polling import FEW, Poller
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider
from lumiere_sms.tracking.receipts import apply_receipts


@pytest.fixture
def sent(database, user_id, clock, dispatcher_of) -> Callable[..., ScriptedProvider]:
    def send(texts: int) -> ScriptedProvider:
        seed_campaign(database, user_id, now=clock.now(), texts=texts)
        provider = ScriptedProvider(clock=clock)
        asyncio.run(dispatcher_of(provider).run(once=True))
        return provider

    return send


def poller_of(database, provider: ScriptedProvider, clock: FrozenClock) -> Poller:
    return Poller(database, provider, clock=clock, seconds_between=0)


@pytest.mark.parametrize("texts", [pytest.param(3, id="fetched one by one"), pytest.param(FEW + 5, id="listed")])
def test_polling_finds_what_was_delivered(database, user_id, clock, sent, texts):
    provider = sent(texts)
    provider.deliver_all()

    moved = asyncio.run(poller_of(database, provider, clock).poll())

    assert moved == {"delivered": texts}
    assert statuses(database, user_id) == {"delivered": texts}


@pytest.mark.parametrize(
    ("status", "code", "fate"),
    [
        pytest.param(ReceiptStatus.UNDELIVERED, "30003", "bounced", id="the carrier could not deliver"),
        pytest.param(ReceiptStatus.FAILED, "30036", "failed", id="the provider gave up"),
        pytest.param(ReceiptStatus.UNDELIVERED, "", "bounced", id="nobody says why"),
        pytest.param(ReceiptStatus.SENDING, "", "sent", id="still on its way"),
    ],
)
def test_a_receipt_decides_the_recipients_fate(database, user_id, clock, sent, status, code, fate):
    provider = sent(1)
    provider.report(phone(0), status, code=code)

    asyncio.run(poller_of(database, provider, clock).poll())

    assert statuses(database, user_id) == {fate: 1}


def test_a_receipt_that_comes_late_or_twice_changes_nothing(database, user_id, clock, sent):
    provider = sent(1)
    poller = poller_of(database, provider, clock)
    provider.deliver_all()
    asyncio.run(poller.poll())

    provider.report(phone(0), ReceiptStatus.SENT)
    asyncio.run(poller.poll())
    provider.deliver_all()
    asyncio.run(poller.poll())

    assert statuses(database, user_id) == {"delivered": 1}
    with database.transaction() as connection:
        events = connection.execute("SELECT status FROM delivery_events ORDER BY status").fetchall()
    assert events == [{"status": "delivered"}, {"status": "sent"}]


def test_delivered_outranks_undelivered(database, user_id, clock, sent):
    provider = sent(1)
    poller = poller_of(database, provider, clock)
    provider.report(phone(0), ReceiptStatus.UNDELIVERED, code="30008")
    asyncio.run(poller.poll())

    provider.deliver_all()
    asyncio.run(poller.poll())

    assert statuses(database, user_id) == {"delivered": 1}


def test_the_providers_price_replaces_the_list_price_and_closes_the_text(database, user_id, clock, sent):
    provider = sent(1)
    provider.report(phone(0), ReceiptStatus.DELIVERED, price=Decimal("0.0123"), currency="EUR")

    asyncio.run(poller_of(database, provider, clock).poll())

    with database.transaction() as connection:
        recipient = connection.execute("SELECT cost, currency FROM campaign_recipients").fetchone()
        submission = connection.execute("SELECT receipt_status, closed_at FROM submissions").fetchone()
    assert recipient == {"cost": Decimal("0.0123"), "currency": "EUR"}
    assert submission == {"receipt_status": "delivered", "closed_at": clock.now()}


def test_a_price_that_does_not_come_is_not_waited_for(database, user_id, clock, sent):
    provider = sent(1)
    provider.deliver_all()
    clock.advance(timedelta(minutes=11))

    asyncio.run(poller_of(database, provider, clock).poll())

    with database.transaction() as connection:
        assert connection.execute("SELECT closed_at FROM submissions").fetchone() == {"closed_at": clock.now()}


def test_a_text_without_a_receipt_is_given_up_after_a_day_and_stays_sent(database, user_id, clock, sent):
    provider = sent(2)
    clock.advance(timedelta(days=1, seconds=1))

    asyncio.run(poller_of(database, provider, clock).poll())

    assert statuses(database, user_id) == {"sent": 2}
    with database.transaction() as connection:
        assert connection.execute("SELECT count(closed_at) FROM submissions").fetchone() == {"count": 2}


def test_a_carriers_refusal_suppresses_the_number(database, user_id, clock, sent):
    provider = sent(1)
    provider.report(phone(0), ReceiptStatus.UNDELIVERED, code="21610")

    asyncio.run(poller_of(database, provider, clock).poll())

    with database.transaction() as connection:
        rows = connection.execute("SELECT phone_number, reason FROM suppressions").fetchall()
    assert rows == [{"phone_number": phone(0), "reason": "opted_out"}]


def test_a_receipt_of_a_stranger_moves_nobody(database, user_id, clock, sent):
    provider = sent(1)
    provider.deliver_all()
    receipt = asyncio.run(provider.fetch_receipt("scripted-1"))
    assert receipt is not None

    with database.transaction() as connection:
        moved = apply_receipts(
            connection,
            user_id,
            [receipt],
            provider="another",
            source="callback",
            meaning_of=provider.meaning_of,
            now=clock.now(),
        )

    assert not moved
    assert statuses(database, user_id) == {"sent": 1}


@pytest.fixture
def tell(database, clock):
    def apply(user_id, *receipts: Receipt) -> Counter[str]:
        with database.transaction() as connection:
            return apply_receipts(
                connection,
                user_id,
                receipts,
                provider="scripted",
                source="callback",
                meaning_of=twilio_meaning,
                now=clock.now(),
            )

    return apply


@pytest.mark.parametrize("is_named", [True, False], ids=["naming its attempt", "naming the text alone"])
def test_a_callback_that_comes_before_the_answer_is_recorded(database, user_id, clock, dispatcher_of, tell, is_named):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    budget(database, "1", campaign="spring", clock=clock)
    provider = ScriptedProvider(clock=clock)

    async def call_back_early() -> dict[str, int]:
        provider.hold()
        running = asyncio.create_task(dispatcher_of(provider).run(once=True))
        await provider.arrived(1)
        named = provider.submissions[0].attempt_id if is_named else None
        price = Decimal("0.10")
        tell(user_id, Receipt("scripted-1", ReceiptStatus.DELIVERED, attempt_id=named, price=price, currency="USD"))
        early = statuses(database, user_id)
        provider.release()
        await running
        return early

    early = asyncio.run(call_back_early())
    answered = statuses(database, user_id)
    provider.report(phone(0), ReceiptStatus.DELIVERED, price=Decimal("0.10"))
    asyncio.run(poller_of(database, provider, clock).poll())

    assert (early, answered) == (({"delivered": 1},) * 2 if is_named else ({"submitting": 1}, {"sent": 1}))
    assert statuses(database, user_id) == {"delivered": 1}
    assert only(database, "campaign_recipients")["cost"] == Decimal("0.10")
    assert sums(database) == [("0.00", "0.08", "0.02")]
    assert rows(database, "alerts") == []


def test_delivered_before_sent_and_a_callback_that_comes_again_change_nothing(database, user_id, clock, sent, tell):
    budget(database, "1", month="2026-03", clock=clock)
    sent(1)
    told = Receipt("scripted-1", ReceiptStatus.DELIVERED, price=Decimal("0.10"), currency="USD", parts=2)
    late = Receipt("scripted-1", ReceiptStatus.SENT, parts=1)

    moved = [tell(user_id, each) for each in (told, late, told, late)]

    recipient = only(database, "campaign_recipients")
    assert moved == [{"delivered": 1}, {}, {}, {}]
    assert (recipient["status"], recipient["segments_used"], recipient["cost"]) == ("delivered", 2, Decimal("0.10"))
    assert len(rows(database, "delivery_events")) == 2
    assert sums(database) == [("0.00", "0.08", "0.02")]


def test_parts_that_are_known_later_change_what_a_text_costs_until_its_price_is_told(database, user_id, sent, tell):
    sent(1)
    costs = []

    for status, parts, price in (("sent", 3, None), ("sent", 3, None), ("delivered", None, "0.07")):
        tell(user_id, Receipt("scripted-1", ReceiptStatus(status), parts=parts, price=price and Decimal(price)))
        costs.append(only(database, "campaign_recipients")["cost"])

    assert costs == [Decimal("0.2526"), Decimal("0.2526"), Decimal("0.07")]


def test_a_callback_for_another_tenants_text_moves_nobody(database, user_id, clock, sent, tell):
    provider = sent(1)
    stranger = create_tenant(database, "ginza", sender="+815011111111").id
    attempt = provider.submissions[0].attempt_id

    moved = tell(stranger, Receipt("scripted-1", ReceiptStatus.UNDELIVERED, code="21610", attempt_id=attempt))

    assert not moved
    assert statuses(database, user_id) == {"sent": 1}
    assert rows(database, "suppressions") == []


def test_polls_that_bring_nothing_grow_rarer_and_news_makes_them_frequent_again(database, user_id, clock, sent):
    provider = sent(1)
    poller = poller_of(database, provider, clock)
    first = poller.pause

    asyncio.run(poller.poll())
    asyncio.run(poller.poll())
    rare = poller.pause
    provider.deliver_all()
    asyncio.run(poller.poll())

    assert (rare, poller.pause) == (first * 4, first)


def test_a_provider_that_does_not_answer_a_poll_is_asked_again_later(database, user_id, clock, sent):
    provider = sent(1)

    class Deaf(ScriptedProvider):
        async def fetch_receipt(self, provider_message_id):
            raise UnavailableError("no answer")

    moved = asyncio.run(poller_of(database, Deaf(), clock).poll())

    assert not moved
    assert statuses(database, user_id) == {"sent": 1}
    assert provider.accepted

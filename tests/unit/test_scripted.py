import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from lumiere_sms.errors import RejectedError, UnknownOutcomeError
from lumiere_sms.providers.base import Message, ReceiptStatus
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import PAGE_SIZE, Lost, ScriptedProvider

PHONE = "+819012345678"
TODAY = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)


def message(body="hello", to=PHONE, sender="+15005550006"):
    return Message(uuid4(), to=to, sender=sender, body=body, validity=timedelta(minutes=1))


async def listed(provider, day=TODAY, sender="+15005550006"):
    return [page async for page in provider.list_receipts(sender=sender, day=day.date())]


def test_answers_come_by_script_then_by_phone_then_everything_is_accepted():
    async def story():
        provider = ScriptedProvider([RejectedError("no")], by_phone={PHONE: [None, RejectedError("never")]})
        ends = [await asyncio.gather(provider.submit(message()), return_exceptions=True) for _ in range(4)]
        return provider, [type(end[0]).__name__ for end in ends]

    provider, ends = asyncio.run(story())

    assert ends == ["RejectedError", "Accepted", "RejectedError", "Accepted"]
    assert (len(provider.submissions), len(provider.accepted)) == (4, 2)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_answer_leaves_the_truth_with_the_provider(accepted):
    async def story():
        provider = ScriptedProvider([Lost(accepted=accepted)])
        with pytest.raises(UnknownOutcomeError):
            await provider.submit(message())
        return len(provider.accepted), len(await listed(provider))

    assert asyncio.run(story()) == (accepted, accepted)


def test_held_calls_wait_until_they_are_released():
    async def story():
        provider = ScriptedProvider()
        provider.hold()
        call = asyncio.create_task(provider.submit(message()))
        await provider.arrived(1)
        before = len(provider.accepted)
        provider.release()
        await call
        return before, len(provider.accepted)

    assert asyncio.run(story()) == (0, 1)


def test_receipts_say_what_the_test_reports():
    async def story():
        provider = ScriptedProvider(clock=FrozenClock(TODAY))
        first = await provider.submit(message())
        await provider.submit(message(to="+819000000000"))
        provider.report(PHONE, ReceiptStatus.UNDELIVERED, code="30003", price=Decimal("0.02"))
        return await provider.fetch_receipt(first.provider_message_id), await listed(provider)

    receipt, pages = asyncio.run(story())

    assert (receipt.status, receipt.code, receipt.price) == (ReceiptStatus.UNDELIVERED, "30003", Decimal("0.02"))
    assert [found.status for found in pages[0]] == [ReceiptStatus.QUEUED, ReceiptStatus.UNDELIVERED]


def test_the_list_knows_senders_days_and_pages():
    async def story():
        provider = ScriptedProvider(clock=FrozenClock(TODAY))
        for number in range(PAGE_SIZE + 1):
            await provider.submit(message(str(number)))
        provider.deliver_all()
        pages = await listed(provider)
        return pages, await listed(provider, sender="other"), await listed(provider, day=TODAY - timedelta(days=1))

    pages, of_another, of_yesterday = asyncio.run(story())

    assert [len(page) for page in pages] == [PAGE_SIZE, 1]
    assert all(receipt.status is ReceiptStatus.DELIVERED for page in pages for receipt in page)
    assert of_another == of_yesterday == []


def test_reporting_about_a_number_that_got_nothing_is_a_mistake_in_the_test():
    with pytest.raises(KeyError):
        ScriptedProvider().report(PHONE, ReceiptStatus.DELIVERED)


def test_it_answers_checks_knows_twilio_s_codes_and_no_strangers():
    provider = ScriptedProvider()

    assert asyncio.run(provider.check()) == "answers by script"
    assert provider.meaning_of("30003").is_retryable
    assert asyncio.run(provider.fetch_receipt("x")) is None

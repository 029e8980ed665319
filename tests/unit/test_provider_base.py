import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest

from lumiere_sms.providers.base import Accepted, Action, Meaning, Message, Provider, ReceiptStatus


class Plain(Provider):
    name = "plain"

    async def submit(self, message: Message) -> Accepted:
        return Accepted(str(message.attempt_id))

    async def check(self) -> str:
        return "well"


def test_a_provider_needs_no_more_than_to_submit_and_to_check():
    provider = Plain()
    message = Message(UUID(int=1), to="+819012345678", sender="x", body="hello", validity=timedelta(minutes=1))

    assert asyncio.run(provider.submit(message)).parts is None
    assert asyncio.run(provider.check()) == "well"
    assert asyncio.run(provider.close()) is None
    assert provider.meaning_of("1") == Meaning("1", "")
    assert provider.meaning_of("1").action is Action.ALERT
    assert not provider.has_receipts


def test_a_provider_without_receipts_cannot_be_asked_for_any():
    with pytest.raises(NotImplementedError):
        Plain().list_receipts(sender="x", day=date(2026, 3, 15))
    with pytest.raises(NotImplementedError):
        asyncio.run(Plain().fetch_receipt("x"))


def test_only_three_statuses_are_the_last():
    last = {status for status in ReceiptStatus if status.is_final}

    assert last == {ReceiptStatus.UNDELIVERED, ReceiptStatus.FAILED, ReceiptStatus.DELIVERED}

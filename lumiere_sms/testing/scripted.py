"""A provider that does what it is told, in this process and without a network."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from lumiere_sms.clock import Clock
from lumiere_sms.errors import ProviderError, UnknownOutcomeError
from lumiere_sms.providers.base import Accepted, Meaning, Message, Provider, Receipt, ReceiptStatus, Reply
from lumiere_sms.providers.codes import twilio_meaning

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer is lost: an UnknownOutcomeError, whether or not the text was accepted."""

    accepted: bool


#: How a submission ends: accepted (None), refused or doubtful.
Answer = ProviderError | Lost | None


class ScriptedProvider(Provider):
    """Answers by script, records what it is given, can keep calls waiting, and reports receipts as told.

    `script` is used up first, one answer a submission; then `by_phone`, one answer a submission to that phone;
    after that every text is accepted. Codes mean what Twilio's mean.
    """

    name = "scripted"
    has_receipts = True
    has_records = True
    has_replies = True

    def __init__(
        self,
        script: Iterable[Answer] = (),
        *,
        by_phone: Mapping[str, Iterable[Answer]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the answers; with a clock, receipts are dated and listed by day.

        `list_lag` is how long `list_to` misses an accepted text, `list_failure` what it raises instead of
        answering; `lists` are the phones that it was asked about. `skew` is by how much the dates of its records
        are ahead.
        """
        self.submissions: list[Message] = []
        self.accepted: list[Message] = []
        self.lists: list[str] = []
        self.list_lag = timedelta()
        self.list_failure: ProviderError | None = None
        self.skew = timedelta()
        self.replies: list[Reply] = []
        self._script = deque(script)
        self._by_phone = {phone: deque(answers) for phone, answers in (by_phone or {}).items()}
        self._clock = clock
        self._receipts: dict[str, Receipt] = {}
        self._accepted_at: dict[str, datetime] = {}
        self._free = asyncio.Event()
        self._free.set()
        self._arrivals = asyncio.Condition()

    def meaning_of(self, code: str) -> Meaning:
        """Say what a code means: what it means at Twilio."""
        return twilio_meaning(code)

    def hold(self) -> None:
        """Keep every call from now on waiting, its text not yet accepted."""
        self._free.clear()

    def release(self) -> None:
        """Let the waiting calls go on, and later ones through."""
        self._free.set()

    async def arrived(self, count: int) -> None:
        """Wait until `count` submissions in all have come in, held ones included."""
        async with self._arrivals:
            await self._arrivals.wait_for(lambda: len(self.submissions) >= count)

    async def submit(self, message: Message) -> Accepted:
        """Record the call and end it as the script says."""
        answer = self._next_answer(message.to)
        async with self._arrivals:
            self.submissions.append(message)
            self._arrivals.notify_all()
        await self._free.wait()
        match answer:
            case ProviderError():
                raise answer
            case Lost(accepted=accepted):
                if accepted:
                    self._accept(message)
                raise UnknownOutcomeError("the answer was lost")
        return Accepted(self._accept(message), parts=1)

    def report(
        self, phone: str, status: ReceiptStatus, *, code: str = "", price: Decimal | None = None, currency: str = "USD"
    ) -> None:
        """Say what became of every text that `phone` was sent. Raises: KeyError when it was sent none."""
        changed = {
            key: replace(receipt, status=status, code=code, price=price, currency=currency if price else "")
            for key, receipt in self._receipts.items()
            if receipt.to == phone
        }
        if not changed:
            raise KeyError(phone)
        self._receipts |= changed

    def deliver_all(self) -> None:
        """Report every accepted text as delivered."""
        for phone in {message.to for message in self.accepted}:
            self.report(phone, ReceiptStatus.DELIVERED)

    async def list_receipts(self, *, sender: str, day: date) -> AsyncIterator[Sequence[Receipt]]:
        """Yield what `sender` sent on `day`, newest first."""
        found = [receipt for receipt in reversed(self._receipts.values()) if _is_of(receipt, sender, day)]
        for start in range(0, len(found), PAGE_SIZE):
            yield found[start : start + PAGE_SIZE]

    def answer(self, phone: str, body: str, *, sender: str, at: datetime | None = None) -> None:
        """Let somebody text one of our senders."""
        at = at or (self._clock.now() if self._clock else None)
        self.replies.append(Reply(f"reply-{len(self.replies) + 1}", phone, sender, body, at))

    async def list_replies(self, *, sender: str, since: datetime) -> AsyncIterator[Sequence[Reply]]:
        """Yield what people texted to `sender` since then, newest first."""
        theirs = [each for each in reversed(self.replies) if each.sender == sender]
        yield [each for each in theirs if each.received_at is None or each.received_at >= since]

    async def fetch_receipt(self, provider_message_id: str) -> Receipt | None:
        """Return what became of one text."""
        return self._receipts.get(provider_message_id)

    async def list_to(self, phone: str) -> Sequence[Receipt]:
        """Return what `phone` was sent, as far as it is listed by now."""
        self.lists.append(phone)
        if self.list_failure:
            raise self.list_failure
        return [receipt for receipt in self._receipts.values() if receipt.to == phone and self._is_listed(receipt)]

    async def check(self) -> str:
        """Say that it answers."""
        return "answers by script"

    def _is_listed(self, receipt: Receipt) -> bool:
        at = self._accepted_at.get(receipt.provider_message_id)
        return self._clock is None or at is None or at + self.list_lag <= self._clock.now()

    def _next_answer(self, phone: str) -> Answer:
        if self._script:
            return self._script.popleft()
        answers = self._by_phone.get(phone)
        return answers.popleft() if answers else None

    def _accept(self, message: Message) -> str:
        self.accepted.append(message)
        key = f"scripted-{len(self.accepted)}"
        now = None
        if self._clock:
            self._accepted_at[key] = self._clock.now()
            now = self._clock.now() + self.skew
        self._receipts[key] = Receipt(
            provider_message_id=key,
            status=ReceiptStatus.QUEUED,
            parts=1,
            to=message.to,
            sender=message.sender,
            body=message.body,
            created_at=now,
            updated_at=now,
        )
        return key


def _is_of(receipt: Receipt, sender: str, day: date) -> bool:
    return receipt.sender == sender and (receipt.created_at is None or receipt.created_at.date() == day)

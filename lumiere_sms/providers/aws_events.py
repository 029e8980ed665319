"""What AWS End User Messaging reports of its texts, read from an SQS queue: no public address is needed.

An event comes to the queue as it is (from an SNS topic with raw delivery), in an SNS envelope, or in an
EventBridge one, and perhaps in one within the other. It carries the context of its text: our attempt, and
the tenant. An event may come twice, late, or out of order; it is deleted once it has been applied, and comes
again after the queue's visibility time-out where it has not. What cannot be read stays in the queue, for its
dead-letter queue or for a version that can read it.

What people answer (two-way SMS) comes to an SNS topic, and from there to the same queue. It names neither us nor when
it came: the time is when SQS took it in.

The formats: https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html and
https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import boto3

from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.providers.aws_client import AwsClient
from lumiere_sms.providers.base import Receipt, ReceiptStatus, Reply

ATTEMPT, TENANT = "attempt", "tenant"  # the keys of the context
PAGE_SIZE = 10  # the most that SQS hands out at once
READERS = 8  # at once, where there is much
WAIT = 1  # seconds that SQS waits for a first event; it looks at all of its servers only if it may wait
SENT_AT = "SentTimestamp"  # milliseconds since 1970
#: What AWS answers by itself: https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords.html
KEYWORDS = frozenset(
    ("ARRET", "CANCEL", "END", "HELP", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE")
)
WAITING = "ApproximateNumberOfMessages"
ENVELOPES = 3  # one within the other at most

_STATUSES = {
    "TEXT_QUEUED": ReceiptStatus.QUEUED,
    "TEXT_PENDING": ReceiptStatus.SENDING,
    "TEXT_SENT": ReceiptStatus.SENT,
    "TEXT_SUCCESSFUL": ReceiptStatus.SENT,
    "TEXT_UNKNOWN": ReceiptStatus.SENT,  # nobody knows: no more than that it went out
    "TEXT_DELIVERED": ReceiptStatus.DELIVERED,
    "TEXT_INVALID": ReceiptStatus.UNDELIVERED,
    "TEXT_UNREACHABLE": ReceiptStatus.UNDELIVERED,
    "TEXT_CARRIER_UNREACHABLE": ReceiptStatus.UNDELIVERED,
    "TEXT_BLOCKED": ReceiptStatus.UNDELIVERED,
    "TEXT_CARRIER_BLOCKED": ReceiptStatus.UNDELIVERED,
    "TEXT_SPAM": ReceiptStatus.UNDELIVERED,
    "TEXT_INVALID_MESSAGE": ReceiptStatus.FAILED,
    "TEXT_TTL_EXPIRED": ReceiptStatus.FAILED,
    "TEXT_PROTECT_BLOCKED": ReceiptStatus.FAILED,
}
_FAILURES = {ReceiptStatus.UNDELIVERED, ReceiptStatus.FAILED}


class UnreadableEventError(ValueError):
    """A message of the queue is not an event as AWS writes it."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Messages of the queue: what they say, and the handles of those that can be read."""

    found: Sequence[Receipt | Reply]
    handles: Sequence[str]
    unreadable: int


class EventQueue:
    """The queue that AWS's events come to."""

    def __init__(
        self,
        url: str,
        session: boto3.Session,
        *,
        connect_timeout: float,
        read_timeout: float,
        answered: frozenset[str] = KEYWORDS,
    ) -> None:
        """Take the queue's address, and what AWS answers by itself. Raises: ConfigurationError for no address."""
        self._answered = answered
        times = {"connect_timeout": connect_timeout, "read_timeout": WAIT + read_timeout}
        self._client = AwsClient("sqs", session, slots=READERS, **times)
        self._url = url

    async def batches(self) -> AsyncIterator[Sequence[Receipt | Reply]]:
        """Yield what there is, batch by batch; one is deleted when the next is asked for."""
        while messages := await self._receive():
            page = _read(messages, self._answered)
            if page.unreadable:
                event("events cannot be read", count=page.unreadable)
            yield page.found
            await self._delete(page.handles)

    async def check(self) -> str:
        """Say how many events wait, or why that cannot be told."""
        try:
            answer = await self._client.read("get_queue_attributes", QueueUrl=self._url, AttributeNames=[WAITING])
        except ProviderError as error:
            return f"its events cannot be read: {error}"
        return f"{(answer.get('Attributes') or {}).get(WAITING, 'some')} events wait"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def _receive(self) -> list[Mapping[str, Any]]:
        """Take a page; if it is full there is more, and several are taken at once."""
        first = await self._page(WAIT)
        if len(first) < PAGE_SIZE:
            return first
        more = await asyncio.gather(*(self._page(0) for _ in range(READERS - 1)))
        return [message for page in (first, *more) for message in page]

    async def _page(self, wait: int) -> list[Mapping[str, Any]]:
        answer = await self._client.read(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=PAGE_SIZE,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=[SENT_AT],
        )
        return list(answer.get("Messages") or ())

    async def _delete(self, handles: Sequence[str]) -> None:
        pages = [handles[start : start + PAGE_SIZE] for start in range(0, len(handles), PAGE_SIZE)]
        await asyncio.gather(*(self._delete_page(page) for page in pages))

    async def _delete_page(self, handles: Sequence[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        await self._client.read("delete_message_batch", QueueUrl=self._url, Entries=entries)


def event_of(
    body: str, *, sent_at: datetime | None = None, answered: frozenset[str] = KEYWORDS
) -> Receipt | Reply | None:
    """Read a message of the queue, what became of a text or what somebody answered; None for any other event.

    Raises: UnreadableEventError.
    """
    said = _unwrapped(body)
    return _receipt(said) or _reply(said, sent_at, answered)


def _reply(said: Mapping[str, Any], sent_at: datetime | None, answered: frozenset[str]) -> Reply | None:
    message_id, phone = str(said.get("inboundMessageId") or ""), str(said.get("originationNumber") or "")
    if not phone or not (message_id or "messageBody" in said):
        return None
    words = str(said.get("messageBody") or "")
    return Reply(
        provider_message_id=message_id,
        phone=phone,
        sender=str(said.get("destinationNumber") or ""),
        body=words,
        received_at=sent_at,
        answers=str(said.get("previousPublishedMessageId") or ""),
        is_answered=words.strip().upper() in answered,
    )


def _receipt(said: Mapping[str, Any]) -> Receipt | None:
    kind, message_id = str(said.get("eventType") or ""), str(said.get("messageId") or "")
    if not kind.startswith("TEXT_") or not message_id:
        return None
    context: Any = said.get("context")
    ours = context if isinstance(context, dict) else {}
    status = _status(kind, is_final=said.get("isFinal") is True)
    return Receipt(
        provider_message_id=message_id,
        status=status,
        code=kind if status in _FAILURES else "",
        parts=_count(said.get("totalMessageParts")),
        price=_price(said),
        currency="USD" if _price(said) is not None else "",
        to=str(said.get("destinationPhoneNumber") or ""),
        sender=str(said.get("originationPhoneNumber") or ""),
        created_at=_instant(said.get("messageRequestTimestamp")),
        updated_at=_instant(said.get("eventTimestamp")),
        attempt_id=_id(ours.get(ATTEMPT)),
        user_id=_id(ours.get(TENANT)),
    )


def _read(messages: Sequence[Mapping[str, Any]], answered: frozenset[str]) -> _Page:
    found: list[Receipt | Reply] = []
    handles, unreadable = [], 0
    for message in messages:
        try:
            each = event_of(str(message.get("Body", "")), sent_at=_sent_at(message), answered=answered)
        except UnreadableEventError:
            unreadable += 1
            continue
        handles.append(str(message.get("ReceiptHandle", "")))
        if each is not None:
            found.append(each)
    return _Page(found, handles, unreadable)


def _sent_at(message: Mapping[str, Any]) -> datetime | None:
    said = str((message.get("Attributes") or {}).get(SENT_AT) or "")
    return _instant(int(said)) if said.isascii() and said.isdecimal() else None


def _unwrapped(body: str) -> dict[str, Any]:
    """Take an event out of its envelopes. Raises: UnreadableEventError where there is none."""
    said: Any = body
    for _ in range(ENVELOPES):
        try:
            said = json.loads(said, parse_float=Decimal) if isinstance(said, str) else said
        except (ValueError, RecursionError) as error:
            raise UnreadableEventError("it is no JSON") from error
        if not isinstance(said, dict):
            raise UnreadableEventError("it is not an event")
        if said.get("Type") == "Notification" and "Message" in said:
            said = said["Message"]
        elif "detail-type" in said and "detail" in said:
            said = said["detail"]
        else:
            return said
    raise UnreadableEventError("it is wrapped too often")


def _status(kind: str, *, is_final: bool) -> ReceiptStatus:
    """Return what an event says of the text; one of a kind that is new proves at least that AWS has it.

    AWS says "successful" or "delivered" depending on the country, so the former counts as delivered where
    nothing more will come.
    """
    if kind == "TEXT_SUCCESSFUL" and is_final:
        return ReceiptStatus.DELIVERED
    return _STATUSES.get(kind, ReceiptStatus.ACCEPTED)


def _price(said: Mapping[str, Any]) -> Decimal | None:
    """Add up what AWS and the carrier take; an event before the last may not know it yet and says 0."""
    prices = [_amount(said.get(name)) for name in ("totalMessagePrice", "totalCarrierFee")]
    total = sum((price for price in prices if price is not None), Decimal(0))
    return total if prices[0] is not None and (total or said.get("isFinal") is True) else None


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    return amount if amount.is_finite() and amount >= 0 else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _instant(value: object) -> datetime | None:
    """Read milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    try:
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None

"""What AWS End User Messaging reports of its texts, read from an SQS queue: no public address is needed.

An event comes to the queue as it is (from an SNS topic with raw delivery), in an SNS envelope, or in an
EventBridge one, and perhaps in one within the other. It carries the context of its text: our attempt, and
the tenant. An event may come twice, late, or out of order; it is deleted once it has been applied, and comes
again after the queue's visibility time-out where it has not. What cannot be read stays in the queue, for its
dead-letter queue or for a version that can read it.

The format: https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
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
from lumiere_sms.providers.base import Receipt, ReceiptStatus

ATTEMPT, TENANT = "attempt", "tenant"  # the keys of the context
PAGE_SIZE = 10  # the most that SQS hands out at once
READERS = 8  # at once, where there is much
WAIT = 1  # seconds that SQS waits for a first event; it looks at all of its servers only if it may wait
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

    receipts: Sequence[Receipt]
    handles: Sequence[str]
    unreadable: int


class EventQueue:
    """The queue that AWS's events come to."""

    def __init__(self, url: str, session: boto3.Session, *, connect_timeout: float, read_timeout: float) -> None:
        """Take the queue's address. Raises: ConfigurationError where SQS's address is none."""
        times = {"connect_timeout": connect_timeout, "read_timeout": WAIT + read_timeout}
        self._client = AwsClient("sqs", session, slots=READERS, **times)
        self._url = url

    async def batches(self) -> AsyncIterator[Sequence[Receipt]]:
        """Yield what there is, batch by batch; one is deleted when the next is asked for."""
        while messages := await self._receive():
            page = _read(messages)
            if page.unreadable:
                event("events cannot be read", count=page.unreadable)
            yield page.receipts
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
            "receive_message", QueueUrl=self._url, MaxNumberOfMessages=PAGE_SIZE, WaitTimeSeconds=wait
        )
        return list(answer.get("Messages") or ())

    async def _delete(self, handles: Sequence[str]) -> None:
        pages = [handles[start : start + PAGE_SIZE] for start in range(0, len(handles), PAGE_SIZE)]
        await asyncio.gather(*(self._delete_page(page) for page in pages))

    async def _delete_page(self, handles: Sequence[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        await self._client.read("delete_message_batch", QueueUrl=self._url, Entries=entries)


def receipt_of(body: str) -> Receipt | None:
    """Read a message of the queue; None for an event that is not about a text. Raises: UnreadableEventError."""
    said = _unwrapped(body)
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


def _read(messages: Sequence[Mapping[str, Any]]) -> _Page:
    receipts, handles, unreadable = [], [], 0
    for message in messages:
        try:
            receipt = receipt_of(str(message.get("Body", "")))
        except UnreadableEventError:
            unreadable += 1
            continue
        handles.append(str(message.get("ReceiptHandle", "")))
        if receipt is not None:
            receipts.append(receipt)
    return _Page(receipts, handles, unreadable)


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

"""The queue of events that the AWS stand-in fills: what AWS reports of each text, and how SQS hands it out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from threading import Lock
from typing import Any

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.messages.parts import count_parts
from lumiere_sms.providers.prices import country_of, list_price
from lumiere_sms.testing.twilio_messages import StoredText


class Envelope(StrEnum):
    """How an event is wrapped on its way to the queue."""

    RAW = "raw"
    SNS = "sns"  # from a topic without raw delivery
    EVENTBRIDGE = "eventbridge"


#: What a text ends with where its carrier does not deliver it, by the stand-in's code for that (twilio_faults.py).
FAILURES = {
    30003: "TEXT_UNREACHABLE",
    30005: "TEXT_INVALID",
    30006: "TEXT_INVALID",
    30007: "TEXT_CARRIER_BLOCKED",
    30008: "TEXT_CARRIER_UNREACHABLE",
}


def events_of(text: StoredText, context: Mapping[str, str]) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield what is reported of a text, each with the instant from which it is: queued, sent, then its end."""
    end = FAILURES.get(text.failure_code, "TEXT_UNKNOWN") if text.failure_code else "TEXT_DELIVERED"
    for share, kind in ((0, "TEXT_QUEUED"), (0.5, "TEXT_SENT"), (1, end)):
        at = text.at + text.deliver_after * share
        yield at, _event(text, context, kind=kind, at=at)


def reply_of(phone: str, body: str, *, to: str, answers: str = "") -> dict[str, Any]:
    """Return what is reported of a message that somebody sent to one of our numbers."""
    answered = {"previousPublishedMessageId": answers} if answers else {}
    return {
        "originationNumber": phone,
        "destinationNumber": to,
        "messageKeyword": "KEYWORD_DEFAULT",
        "messageBody": body,
        "inboundMessageId": str(new_id()),
        **answered,
    }


def wrapped(event: Mapping[str, Any], envelope: Envelope) -> str:
    """Write an event as it stands in the queue."""
    body = json.dumps(event)
    match envelope:
        case Envelope.SNS:
            return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:topic", "Message": body})
        case Envelope.EVENTBRIDGE:
            kind = "Text Message Delivery Status Updated"
            return json.dumps({"version": "0", "source": "aws.sms-voice", "detail-type": kind, "detail": event})
    return body


@dataclass(slots=True)
class _Waiting:
    body: str
    sent_at: datetime
    visible_at: datetime
    handles: set[str] = field(default_factory=set)


class Queue:
    """Hands out messages as SQS does: one that is not deleted comes again after `hidden_for`."""

    def __init__(self, *, hidden_for: timedelta) -> None:
        self.hidden_for = hidden_for
        self._lock = Lock()
        self._waiting: list[_Waiting] = []
        self._handles = count(1)

    def __len__(self) -> int:
        """Return how many messages have not been deleted."""
        with self._lock:
            return len(self._waiting)

    def put(self, body: str, *, at: datetime) -> None:
        """Add a message that is there from `at` on."""
        with self._lock:
            self._waiting.append(_Waiting(body, at, at))

    def receive(self, most: int, *, now: datetime) -> list[dict[str, Any]]:
        """Hand out up to `most` messages, hidden from others for a while."""
        with self._lock:
            visible = [each for each in self._waiting if each.visible_at <= now][:most]
            return [self._hand_out(each, now) for each in visible]

    def delete(self, handles: Iterable[str]) -> None:
        """Forget messages by the handles they were handed out with."""
        gone = set(handles)
        with self._lock:
            self._waiting = [each for each in self._waiting if not each.handles & gone]

    def _hand_out(self, each: _Waiting, now: datetime) -> dict[str, Any]:
        handle = f"handle-{next(self._handles)}"
        each.handles.add(handle)
        each.visible_at = now + self.hidden_for
        said = {"SentTimestamp": str(int(each.sent_at.timestamp() * 1000))}
        return {"MessageId": handle, "ReceiptHandle": handle, "Body": each.body, "Attributes": said}


def _event(text: StoredText, context: Mapping[str, str], *, kind: str, at: datetime) -> dict[str, Any]:
    parts = count_parts(text.body)
    is_final = kind not in {"TEXT_QUEUED", "TEXT_SENT"}
    price = list_price("aws", country_of(text.to)).amount * parts.parts if is_final else Decimal(0)
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": int(at.timestamp() * 1000),
        "isFinal": is_final,
        "originationPhoneNumber": text.sender,
        "destinationPhoneNumber": text.to,
        "isoCountryCode": country_of(text.to),
        "messageId": text.sid,
        "messageRequestTimestamp": int(text.at.timestamp() * 1000),
        "messageEncoding": "GSM" if parts.encoding == "gsm7" else "Unicode",
        "messageType": "TRANSACTIONAL",
        "messageStatus": kind.removeprefix("TEXT_"),
        "messageStatusDescription": kind.removeprefix("TEXT_").replace("_", " ").lower(),
        "context": dict(context),
        "totalMessageParts": parts.parts,
        "totalMessagePrice": float(price),
        "totalCarrierFee": 0.0,
    }

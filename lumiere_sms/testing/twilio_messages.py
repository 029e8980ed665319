"""The texts that the Twilio stand-in has accepted, and what becomes of them as its clock goes on.

A text's life is worked out from its age whenever somebody asks, so it needs no timer and follows a clock
that jumps: `queued` (`accepted` with a messaging service), after a quarter of `deliver_after` `sending`,
after half of it `sent`, at its end `delivered` or, with a code, `undelivered`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from itertools import dropwhile
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.messages.parts import count_parts
from lumiere_sms.providers.prices import country_of, list_price
from lumiere_sms.testing.twilio_replies import API, STARTS, STOPS, StoredReply, reply_as_twilio_says

SERVICE_SID_LENGTH = 34
SERVICE_NUMBER = "+15005550006"  # what a messaging service of the stand-in sends from


@dataclass(frozen=True, slots=True)
class AcceptedText:
    """One line of the log: who got what, under which id, when it was accepted."""

    phone: str
    body: str
    sid: str
    at: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class StoredText:
    """An accepted text with what its later life depends on."""

    sid: str
    to: str
    sender: str  # a number or name, or the id of a messaging service
    body: str
    at: datetime
    deliver_after: timedelta
    failure_code: int | None
    status_callback: str = ""

    @property
    def by_service(self) -> bool:
        """Say whether a messaging service sends it."""
        return len(self.sender) == SERVICE_SID_LENGTH  # a number or a name is shorter

    def timeline(self) -> tuple[tuple[datetime, str], ...]:
        """Return each status with the instant from which it holds."""
        first = "accepted" if self.by_service else "queued"
        last = "undelivered" if self.failure_code else "delivered"
        return tuple(
            (self.at + self.deliver_after * share, status)
            for share, status in ((0, first), (0.25, "sending"), (0.5, "sent"), (1, last))
        )

    def status(self, now: datetime) -> str:
        """Return the status at `now`."""
        return [status for since, status in self.timeline() if since <= now or since == self.at][-1]

    def sent_on(self, now: datetime) -> date | None:
        """Return the day (UTC) on which it was sent, or None while it waits."""
        since = self.timeline()[2][0]
        return since.date() if since <= now else None


def as_twilio_says(text: StoredText | StoredReply, now: datetime, *, account_sid: str) -> dict[str, Any]:
    """Return the Message resource of a text, its fields as Twilio writes them."""
    if isinstance(text, StoredReply):
        return reply_as_twilio_says(text, account_sid=account_sid)
    status = text.status(now)
    is_sent, is_over = text.sent_on(now) is not None, status in {"delivered", "undelivered"}
    has_sender = not text.by_service or status != "accepted"
    parts = count_parts(text.body).parts
    uri = f"{API}/{account_sid}/Messages/{text.sid}.json"
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": text.body,
        "date_created": format_datetime(text.at),
        "date_sent": format_datetime(text.timeline()[2][0]) if is_sent else None,
        "date_updated": format_datetime(max(since for since, _ in text.timeline() if since <= now or since == text.at)),
        "direction": "outbound-api",
        "error_code": text.failure_code if is_over else None,
        "error_message": None,
        "from": (SERVICE_NUMBER if text.by_service else text.sender) if has_sender else None,
        "messaging_service_sid": text.sender if text.by_service else None,
        "num_media": "0",
        "num_segments": str(parts) if has_sender else "0",
        "price": str(-_price(text.to) * parts) if is_sent else None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": status,
        "subresource_uris": {"media": uri.removesuffix(".json") + "/Media.json"},
        "to": text.to,
        "uri": uri,
    }


def _price(phone: str) -> Decimal:
    return list_price("twilio", country_of(phone)).amount


class TextStore:
    """Every accepted text, in order; may be read and written from any thread."""

    def __init__(self, log: Path | None = None) -> None:
        """Append each accepted text to `log`, if given, as one line of JSON that is there before the answer is."""
        self._lock = Lock()
        self._texts: dict[str, StoredText | StoredReply] = {}
        self._by_number: dict[str, list[StoredText | StoredReply]] = {}
        self._requests: dict[str, int] = {}
        self._stopped: set[tuple[str, str]] = set()
        self._log = _opened(log) if log else None

    def count_request(self, phone: str) -> int:
        """Count one more request to `phone` and return which it is, from 0."""
        with self._lock:
            ordinal = self._requests.get(phone, 0)
            self._requests[phone] = ordinal + 1
            return ordinal

    def add(self, text: StoredText) -> None:
        """Accept a text."""
        with self._lock:
            self._texts[text.sid] = text
            self._by_number.setdefault(text.to, []).append(text)
            if self._log:
                self._log.write(json.dumps(asdict(_accepted(text)), ensure_ascii=False) + "\n")
                self._log.flush()

    def add_reply(self, reply: StoredReply) -> None:
        """Take in what somebody texted to one of our numbers."""
        with self._lock:
            self._texts[reply.sid] = reply
            self._by_number.setdefault(reply.to, []).append(reply)
            if reply.word in STOPS:
                self._stopped.add(reply.pair)
            elif reply.word in STARTS:
                self._stopped.discard(reply.pair)

    def has_stopped(self, phone: str, sender: str) -> bool:
        """Say whether whoever has a number wants no texts from a sender, a number or a service."""
        with self._lock:
            return (phone, sender) in self._stopped

    def get(self, sid: str) -> StoredText | StoredReply | None:
        """Return one text."""
        with self._lock:
            return self._texts.get(sid)

    def newest_first(self, *, start: str = "", to: str | None = None) -> Iterator[StoredText | StoredReply]:
        """Return the texts, those to one number if it is given, the latest first, or from the id `start` on."""
        with self._lock:
            texts = reversed(list(self._texts.values() if to is None else self._by_number.get(to, ())))
        return dropwhile(lambda text: text.sid != start, texts) if start else texts

    def accepted(self) -> tuple[AcceptedText, ...]:
        """Return the log."""
        with self._lock:
            return tuple(_accepted(text) for text in self._texts.values() if isinstance(text, StoredText))

    def forget(self) -> None:
        """Forget every text; the file keeps what was written."""
        with self._lock:
            self._texts.clear()
            self._by_number.clear()
            self._requests.clear()
            self._stopped.clear()

    def close(self) -> None:
        """Close the file."""
        if self._log:
            self._log.close()


def _opened(log: Path) -> TextIO:
    try:
        return log.open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the log {log} cannot be written: {error.strerror}") from error


def _accepted(text: StoredText) -> AcceptedText:
    return AcceptedText(phone=text.to, body=text.body, sid=text.sid, at=text.at.isoformat())

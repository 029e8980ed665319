"""What people text to the Twilio stand-in's numbers: Twilio lists it among all messages, as `inbound`.

Whoever sends one of its words, alone, gets no more texts from that number or service: those are refused with 21610
until they send another (https://help.twilio.com/articles/223134027).
"""

from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from typing import Any

API = "/2010-04-01/Accounts"
STOPS = frozenset(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"))
STARTS = frozenset(("START", "YES", "UNSTOP"))


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A message from `sender`, a person, to one of our numbers; `service` is the messaging service that it is in."""

    sid: str
    to: str
    sender: str
    body: str
    at: datetime
    service: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Who texted, and what they texted."""
        return self.sender, self.service or self.to

    @property
    def word(self) -> str:
        """What it says, as Twilio looks for its words."""
        return self.body.strip().upper()

    def sent_on(self, _: datetime) -> date:
        """Return the day (UTC) of it."""
        return self.at.date()


def reply_as_twilio_says(reply: StoredReply, *, account_sid: str) -> dict[str, Any]:
    """Return the Message resource of what somebody texted, its fields as Twilio writes them."""
    uri = f"{API}/{account_sid}/Messages/{reply.sid}.json"
    at = format_datetime(reply.at)
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": reply.body,
        "date_created": at,
        "date_sent": at,
        "date_updated": at,
        "direction": "inbound",
        "error_code": None,
        "error_message": None,
        "from": reply.sender,
        "messaging_service_sid": reply.service or None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": reply.sid,
        "status": "received",
        "subresource_uris": {"media": uri.removesuffix(".json") + "/Media.json"},
        "to": reply.to,
        "uri": uri,
    }

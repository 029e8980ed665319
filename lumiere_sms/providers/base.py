"""The contract every provider keeps.

A provider speaks to one company. It knows neither the database nor another provider. `submit`
ends in exactly one of four ways, and which one decides whether a person could get two texts:

    returns Accepted             the provider has it
    raises RejectedError         it said no, for good
    raises UnavailableError      nothing was accepted: refused, throttled, never connected
    raises UnknownOutcomeError   it may have it: a read time-out, a 5xx, a cut or unreadable answer
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from lumiere_sms.errors import ProviderError, RejectedError
from lumiere_sms.settings import Settings


class Action(StrEnum):
    """What an answer asks for beyond the recipient's own fate; carried by a ProviderError."""

    NONE = ""
    OPT_OUT = "opt_out"  # suppress the number: the person refused
    INVALID_NUMBER = "invalid_number"  # suppress the number: it can never receive a text
    LANDLINE = "landline"  # suppress the number: it is a fixed line
    BLOCKED = "blocked"  # suppress the number: it, or its carrier, blocks this sender
    STOP_CAMPAIGN = "stop_campaign"  # pause the campaign: the next recipient would fare the same
    PAUSE_PROVIDER = "pause_provider"  # leave the provider alone for a while: the account is not right
    CUT_PACE = "cut_pace"  # go slower
    ALERT = "alert"  # tell a person: the code is in no table


class Reason(StrEnum):
    """What a provider's code is about, so that rules may count codes without knowing them."""

    NUMBER = "number"  # the recipient's
    OPTED_OUT = "opted_out"
    CONTENT = "content"  # the text itself is not acceptable to the provider
    FILTERED = "filtered"  # a carrier took it for spam
    SENDER = "sender"
    REGION = "region"  # the destination is not enabled
    ACCOUNT = "account"
    PACE = "pace"  # too much at once, or too much today
    CARRIER = "carrier"  # something on the way to the phone
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one of a provider's codes says.

    `outcome` is the ProviderError that a synchronous answer with this code becomes; `receipt` the state of a
    recipient whose receipt carries it: "failed" where the provider gave up before the carrier had the text,
    "bounced" where the carrier could not deliver; `is_retryable` whether a new text later may fare better.
    """

    code: str
    text: str
    outcome: type[ProviderError] = RejectedError
    receipt: str = "bounced"
    reason: Reason = Reason.UNKNOWN
    action: Action = Action.ALERT
    is_retryable: bool = False

    @property
    def is_known(self) -> bool:
        """Say whether the code stands in the provider's table."""
        return self.reason is not Reason.UNKNOWN


class ReceiptStatus(StrEnum):
    """What became of an accepted text, in order of rank: a later one never yields to an earlier."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    DELIVERED = "delivered"

    @property
    def is_final(self) -> bool:
        """Say whether no further receipt is to be expected."""
        return self in {ReceiptStatus.UNDELIVERED, ReceiptStatus.FAILED, ReceiptStatus.DELIVERED}


@dataclass(frozen=True, slots=True)
class Message:
    """One text to submit once. `attempt_id` names the submission; `validity` bounds the provider's queue.

    A provider that carries words of ours along carries `attempt_id` and `user_id`, the tenant, so that what it
    reports later names the submission even where the answer to this one was lost.
    """

    attempt_id: UUID
    to: str  # E.164
    sender: str
    body: str
    validity: timedelta
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took a text. `parts` is None where it does not say yet."""

    provider_message_id: str
    parts: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider reports of one text. `price` is positive; None where it is not known yet.

    `updated_at` is when the text took this status, as precisely as the provider knows. `attempt_id` and `user_id`
    come back from a provider that carries them.
    """

    provider_message_id: str
    status: ReceiptStatus
    code: str = ""
    parts: int | None = None
    price: Decimal | None = None
    currency: str = ""
    to: str = ""
    sender: str = ""
    body: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    attempt_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person texted to one of our senders. Whoever wants to may claim any `phone`: a sender can be forged.

    `sender` is ours that they wrote to, as texts name it; `answers` the text that they answered, where the provider
    says which. `is_answered`: the provider has answered it by itself, as many do a STOP.
    """

    provider_message_id: str
    phone: str
    sender: str
    body: str
    received_at: datetime | None = None
    answers: str = ""
    is_answered: bool = False


class Provider(ABC):
    """A company that takes texts. Every method is asynchronous and called by `sending/` alone."""

    name: ClassVar[str]
    #: How many parts per second it grants a plain sender.
    parts_per_second: ClassVar[float] = 1.0
    #: Whether `list_receipts` and `fetch_receipt` can tell what became of a text.
    has_receipts: ClassVar[bool] = False
    #: Whether `list_to` can prove what became of a text whose answer was lost.
    has_records: ClassVar[bool] = False
    #: Whether `events` yields what happened, by itself; one object may, where another of its class may not.
    has_events: bool = False
    #: Whether it tells what people answer: among its `events` where it has those, else by `list_replies`.
    has_replies: bool = False
    #: Whether `list_opt_outs` knows who has refused every text of this account.
    has_opt_outs: ClassVar[bool] = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:  # noqa: ARG003 - this one needs none
        """Make it as the settings say; one of another package reads its own from the environment.

        Connects to nothing that a text goes through. Raises: ConfigurationError for what is missing or wrong.
        """
        return cls()

    @classmethod
    def sender_from(cls, settings: Settings) -> str:  # noqa: ARG003 - this one needs none
        """Return what its texts come from where a tenant says nothing else; empty where a tenant has to."""
        return ""

    @abstractmethod
    async def submit(self, message: Message) -> Accepted:
        """Submit one text once; never ask twice. Raises the ProviderErrors of this module's docstring."""

    def list_receipts(
        self,
        *,
        sender: str,
        day: date,
    ) -> AsyncIterator[Sequence[Receipt]]:
        """Yield the pages of what `sender` sent on `day` (UTC), newest first where the provider sorts."""
        raise NotImplementedError

    async def fetch_receipt(self, provider_message_id: str) -> Receipt | None:
        """Return what became of one text; None where the provider does not know it."""
        raise NotImplementedError

    async def list_to(self, phone: str) -> Sequence[Receipt]:
        """Return every text of the last day that the account's records show to `phone`, whoever sent it.

        Raises: UnavailableError where the records cannot be read just now: that proves nothing.
        """
        raise NotImplementedError

    def list_replies(self, *, sender: str, since: datetime) -> AsyncIterator[Sequence[Reply]]:
        """Yield the pages of what people texted to `sender` since then, the newest first where the provider sorts."""
        raise NotImplementedError

    def events(self) -> AsyncIterator[Sequence[Receipt | Reply]]:
        """Yield what happened since the last time, and end when there is nothing more for now.

        A batch counts as taken when the next one is asked for; one that was not taken is yielded again later.
        """
        raise NotImplementedError

    def list_opt_outs(self) -> AsyncIterator[Sequence[str]]:
        """Yield the pages of numbers (E.164) that refuse every text of this account."""
        raise NotImplementedError

    def meaning_of(self, code: str) -> Meaning:
        """Say what one of the provider's codes means; one that is in no table asks for a person."""
        return Meaning(code, "")

    @abstractmethod
    async def check(self) -> str:
        """Ask whether the account answers and say in a few words what it said; costs nothing, sends nothing."""

    async def close(self) -> None:  # noqa: B027 - a provider without connections has none to give back
        """Give back connections."""

"""Twilio, through its own SDK over a transport of ours.

What is submitted once may not be submitted again: Twilio knows no idempotency key for messages. Which of
the contract's four ways a submission ends is decided in twilio_answers.py (what Twilio said) and in
twilio_http.py (what became of the connection); here a 2xx is accepted only with the message's id in it.
"""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from lumiere_sms.errors import ConfigurationError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Accepted, Action, Meaning, Message, Provider, Receipt, ReceiptStatus, Reply
from lumiere_sms.providers.codes import twilio_meaning
from lumiere_sms.providers.twilio_answers import NOT_FOUND, TEST_CREDENTIALS
from lumiere_sms.providers.twilio_http import LeanHttpClient
from lumiere_sms.settings import Settings

PAGE_SIZE = 1000  # the most that Twilio lists at once
MOST_PAGES = 20  # of what one number was sent; beyond that nothing is proved
MAX_VALIDITY = timedelta(hours=10)
A_DAY = timedelta(days=1)

#: What Twilio answers by itself, and what it stops or starts texts to that number for:
#: https://help.twilio.com/articles/223134027 (Support for opt-out keywords)
KEYWORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
    | {"START", "YES", "UNSTOP"}
    | {"HELP", "INFO"}
)

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")  # any other sender is a number or a name
_UNREADABLE = (TwilioException, ValueError, TypeError, AttributeError, LookupError, RecursionError)
_STATUSES = {
    **{str(status): status for status in ReceiptStatus},
    "scheduled": ReceiptStatus.ACCEPTED,
    "read": ReceiptStatus.DELIVERED,
    "partially_delivered": ReceiptStatus.DELIVERED,
    "canceled": ReceiptStatus.FAILED,
}


class TwilioProvider(Provider):
    """Texts through Twilio's Programmable Messaging."""

    name = "twilio"
    has_receipts = True
    has_records = True
    has_replies = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        base_url: str = "",
        answers_keywords: bool = True,
        slots: int = 64,
        connect_timeout: float = 3.0,
        read_timeout: float = 31.0,
    ) -> None:
        """Check the credentials' form; connects to nothing. Raises: ConfigurationError.

        `answers_keywords`: whether Twilio answers STOP and the like by itself, as it does unless that is turned off.
        """
        self._answered = KEYWORDS if answers_keywords else frozenset[str]()
        _require_credentials(account_sid, auth_token)
        self._http = LeanHttpClient(slots=slots, connect_timeout=connect_timeout, read_timeout=read_timeout)
        # An environment of our own, so that no TWILIO_EDGE or TWILIO_REGION rewrites the address.
        client = Client(account_sid, auth_token, http_client=self._http, environment={"TWILIO_EDGE": ""})
        if base_url:
            client.api.base_url = _checked_url(base_url)
        self._account = client.api.v2010.account
        self._messages = client.messages
        # What submits goes below the SDK's MessageInstance: to read its twenty fields, three of them dates, where two
        # are wanted took a seventh of all the time of a text.
        self._version, self._texts = client.api.v2010, f"/Accounts/{account_sid}/Messages.json"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make it with the credentials of the environment. Raises: ConfigurationError."""
        return cls(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            base_url=settings.twilio_base_url,
            answers_keywords=settings.answers_keywords("twilio"),
            slots=settings.slots,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )

    def meaning_of(self, code: str) -> Meaning:
        """Say what a code of Twilio means."""
        return twilio_meaning(code)

    async def submit(self, message: Message) -> Accepted:
        """Submit one text once. Twilio has no field for `attempt_id`: the text is found by number, body and time."""
        try:
            created = await self._version.create_async("POST", self._texts, data=_form(message))
            message_id, parts = created["sid"], created.get("num_segments")
        except UnicodeEncodeError as error:
            raise RejectedError("the text holds characters that no encoding has") from error
        except _UNREADABLE as error:
            raise UnknownOutcomeError(f"Twilio's answer cannot be read: {type(error).__name__}") from error
        if not isinstance(message_id, str) or not message_id:
            raise UnknownOutcomeError("Twilio answered without the message's id")
        return Accepted(message_id, _parts(parts))

    async def list_receipts(self, *, sender: str, day: date) -> AsyncIterator[Sequence[Receipt]]:
        """Yield the pages of what `sender` sent on `day` (UTC). Twilio cannot filter by service: that reads all."""
        wanted = {} if _is_service(sender) else {"from_": sender}
        page = await _read(self._messages.page_async(date_sent=day.isoformat(), page_size=PAGE_SIZE, **wanted))
        while page:
            yield _receipts(page, sender)
            following = page.next_page_url
            page = await _read(self._messages.get_page_async(following)) if following else None

    async def list_replies(self, *, sender: str, since: datetime) -> AsyncIterator[Sequence[Reply]]:
        """Yield the pages of what people texted to `sender`. Twilio filters by day, and not at all by service."""
        wanted = {} if _is_service(sender) else {"to": sender}
        day = since.astimezone(UTC).date().isoformat()
        page = await _read(self._messages.page_async(date_sent_after=day, page_size=PAGE_SIZE, **wanted))
        while page:
            dates, replies = _replies(page, sender, self._answered)
            yield [each for each in replies if each.received_at is None or each.received_at >= since]
            is_over = bool(dates) and max(dates) < since
            following = None if is_over else page.next_page_url
            page = await _read(self._messages.get_page_async(following)) if following else None

    async def fetch_receipt(self, provider_message_id: str) -> Receipt | None:
        """Return what became of one text; None where Twilio does not know it."""
        try:
            return _receipt(await _read(self._messages(provider_message_id).fetch_async()))
        except RejectedError as error:
            if error.code == NOT_FOUND:
                return None
            raise

    async def list_to(self, phone: str) -> Sequence[Receipt]:
        """Return every text of the last day to `phone`, of any sender.

        Twilio filters by the day on which a text was sent, which one that waits has not been, so only the number is
        asked for. In which order it lists is not documented, so a page that is wholly old ends the reading and
        nothing else does.
        """
        found: list[Receipt] = []
        page = await _read(self._messages.page_async(to=phone, page_size=PAGE_SIZE))
        for _ in range(MOST_PAGES):
            found += (news := _records(page))
            newest = max((each.created_at for each in found if each.created_at), default=None)
            if not (following := page.next_page_url) or (news and newest and _are_old(news, newest)):
                return [each for each in found if newest is None or not _are_old([each], newest)]
            page = await _read(self._messages.get_page_async(following))
        raise UnavailableError(f"Twilio lists more than {MOST_PAGES * PAGE_SIZE:,} texts to one number")

    async def check(self) -> str:
        """Fetch the account. Raises: RejectedError when the credentials are refused, UnavailableError."""
        try:
            account = await _read(self._account.fetch_async())
        except RejectedError as error:
            if error.code == TEST_CREDENTIALS:
                return "test credentials: they answer, and send nothing"
            raise
        if account.status != "active":
            raise RejectedError(f"the Twilio account is {account.status}", action=Action.PAUSE_PROVIDER)
        return f'account "{account.friendly_name}" is active'

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _form(message: Message) -> dict[str, object]:
    by = "MessagingServiceSid" if _is_service(message.sender) else "From"
    validity = int(min(message.validity, MAX_VALIDITY).total_seconds())
    return {"To": message.to, by: message.sender, "Body": message.body, "ValidityPeriod": max(1, validity)}


def _is_service(sender: str) -> bool:
    return _SERVICE_SID.fullmatch(sender) is not None


def _require_credentials(account_sid: str, auth_token: str) -> None:
    given = {"TWILIO_ACCOUNT_SID": account_sid, "TWILIO_AUTH_TOKEN": auth_token}
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigurationError(
            f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set",
            hint="; ".join(f"export {name}=…" for name in missing) + " (Twilio's console shows them)",
        )
    if not _ACCOUNT_SID.fullmatch(account_sid):
        raise ConfigurationError(
            "TWILIO_ACCOUNT_SID is not an account's id",
            hint="it is AC and 32 hexadecimal digits, as Twilio's console shows",
        )
    if not auth_token.isascii() or not auth_token.isprintable() or " " in auth_token:
        raise ConfigurationError("TWILIO_AUTH_TOKEN holds characters that no token has", hint="copy it again")


def _checked_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigurationError(
            f'LUMIERE_SMS_TWILIO_BASE_URL is "{base_url}"; it must be an address',
            hint="write it as http://127.0.0.1:4010, or leave it empty for Twilio itself",
        )
    return base_url.rstrip("/")


async def _read(asked: Any) -> Any:
    """Wait for an answer to a GET; whatever cannot be read is safe to ask again."""
    try:
        return await asked
    except _UNREADABLE as error:
        raise UnavailableError(f"Twilio's answer cannot be read: {type(error).__name__}") from error


def _receipts(page: Any, sender: str) -> list[Receipt]:
    try:
        rows = [row for row in page if str(row.direction).startswith("outbound")]
        by_service = _is_service(sender)
        return [_receipt(row) for row in rows if not by_service or row.messaging_service_sid == sender]
    except _UNREADABLE as error:
        raise UnavailableError(f"Twilio's list cannot be read: {type(error).__name__}") from error


def _replies(page: Any, sender: str, answered: frozenset[str]) -> tuple[list[datetime], list[Reply]]:
    """Return when what a page lists was made, and what of it people texted to `sender`."""
    try:
        rows = list(page)
        dates = [row.date_created for row in rows if row.date_created]
        theirs = [row for row in rows if str(row.direction) == "inbound"]
        is_ours = _is_service(sender)
        return dates, [
            Reply(
                provider_message_id=str(row.sid),
                phone=str(row.from_ or ""),
                sender=sender,
                body=str(row.body or ""),
                received_at=row.date_created,
                is_answered=str(row.body or "").strip().upper() in answered,
            )
            for row in theirs
            if row.sid and (not is_ours or row.messaging_service_sid == sender)
        ]
    except _UNREADABLE as error:
        raise UnavailableError(f"Twilio's list cannot be read: {type(error).__name__}") from error


def _records(page: Any) -> list[Receipt]:
    """Return what a page lists of the texts that were submitted through the API."""
    try:
        return [_receipt(row) for row in page if str(row.direction) == "outbound-api"]
    except _UNREADABLE as error:
        raise UnavailableError(f"Twilio's list cannot be read: {type(error).__name__}") from error


def _are_old(records: Sequence[Receipt], newest: datetime) -> bool:
    """Say whether all of them are more than a day older than the newest; what has no date is not."""
    return all(each.created_at is not None and each.created_at < newest - A_DAY for each in records)


def _receipt(row: Any) -> Receipt:
    created_at: datetime | None = row.date_created
    return Receipt(
        provider_message_id=row.sid,
        status=_STATUSES.get(str(row.status), ReceiptStatus.ACCEPTED),
        code=str(row.error_code or ""),
        parts=_parts(row.num_segments),
        price=_price(row.price),
        currency=(row.price_unit or "").upper(),
        to=row.to or "",
        sender=row.messaging_service_sid or row.from_ or "",
        body=row.body or "",
        created_at=created_at,
        updated_at=row.date_updated,
    )


def _parts(num_segments: object) -> int | None:
    """Read a count that Twilio gives as text, and as "0" while a messaging service has chosen no sender."""
    text = str(num_segments)
    return int(text) or None if text.isdecimal() else None


def _price(price: str | None) -> Decimal | None:
    """Read what Twilio took from the balance, a negative number, as a positive price."""
    try:
        return abs(Decimal(price)) if price else None
    except InvalidOperation:
        return None

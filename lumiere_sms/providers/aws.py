"""AWS End User Messaging SMS (the API is still called pinpoint-sms-voice-v2).

Like every AWS call that sends a text it knows no idempotency token. But it carries words of ours along
(`Context`): each event that it reports names the attempt, so a text whose answer was lost is found by the first
event of it, as `aws_events.py` reads them from a queue.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from lumiere_sms.errors import ConfigurationError, RejectedError, UnknownOutcomeError
from lumiere_sms.providers.aws_client import AwsClient, new_session
from lumiere_sms.providers.aws_events import ATTEMPT, KEYWORDS, TENANT, EventQueue
from lumiere_sms.providers.base import Accepted, Meaning, Message, Provider, Receipt, Reply
from lumiere_sms.providers.codes import aws_meaning
from lumiere_sms.providers.registry import OWN_POOL
from lumiere_sms.settings import Settings

SERVICE = "pinpoint-sms-voice-v2"
TYPES = ("promotional", "transactional")
SHORTEST_TIME, LONGEST_TIME = timedelta(seconds=5), timedelta(days=3)
HIGHEST_PRICE = 100.0
#: A number of AWS's own simulator: https://docs.aws.amazon.com/sms-voice/latest/userguide/test-phone-numbers.html
SIMULATOR = "+14254147755"
#: What a dry run is refused for that is no fault of the account: the simulator's numbers are American.
ABOUT_DESTINATION = {
    "COUNTRY_CODE_MISMATCH",
    "COUNTRY_NOT_ENABLED",
    "DESTINATION_COUNTRY_BLOCKED",
    "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
    "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
    "INTERNATIONAL_SENDING_NOT_SUPPORTED",
    "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
    "SENDER_ID_NOT_REGISTERED",
    "SENDER_ID_NOT_SUPPORTED",
}
NO_QUEUE = "no queue of events is set, so what became of a lost answer cannot be proved"
OPT_OUT_LIST = "Default"  # the list of every sender that was given no other


class AwsProvider(Provider):
    """Texts through AWS End User Messaging."""

    name = "aws"
    has_opt_outs = True

    def __init__(
        self,
        *,
        options: Mapping[str, Any] | None = None,
        sender: str = OWN_POOL,
        events_queue_url: str = "",
        answers_keywords: bool = True,
        slots: int = 64,
        connect_timeout: float = 3.0,
        read_timeout: float = 31.0,
    ) -> None:
        """Take parameters of SendTextMessage that all texts share, and where events are. Raises: ConfigurationError.

        `answers_keywords`: whether AWS answers STOP and the like by itself, as unless opt-outs are self-managed.
        """
        answered = KEYWORDS if answers_keywords else frozenset[str]()
        times = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._options = dict(options or {})
        self._sender = sender
        session = new_session()
        self._client = AwsClient(SERVICE, session, slots=slots, **times)
        self._queue = EventQueue(events_queue_url, session, answered=answered, **times) if events_queue_url else None
        self.has_events = self.has_replies = self._queue is not None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make it with what the AWS environment holds. Raises: ConfigurationError."""
        return cls(
            options=_options(settings),
            sender=settings.aws_sender or OWN_POOL,
            events_queue_url=settings.aws_events_queue_url,
            answers_keywords=settings.answers_keywords("aws"),
            slots=settings.slots,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )

    def meaning_of(self, code: str) -> Meaning:
        """Say what a code of AWS means."""
        return aws_meaning(code)

    async def submit(self, message: Message) -> Accepted:
        """Submit one text once, with the attempt's id as context."""
        time_to_live = min(max(message.validity, SHORTEST_TIME), LONGEST_TIME)
        answer = await self._client.submit(
            "send_text_message",
            DestinationPhoneNumber=message.to,
            MessageBody=message.body,
            TimeToLive=int(time_to_live.total_seconds()),
            Context=_context(message),
            **_origin(message.sender),
            **self._options,
        )
        if not isinstance(answer.get("MessageId"), str) or not answer["MessageId"]:
            raise UnknownOutcomeError("AWS answered without the message's id")
        return Accepted(answer["MessageId"])

    async def events(self) -> AsyncIterator[Sequence[Receipt | Reply]]:
        """Yield what the queue of events holds; what was taken is deleted from it."""
        if self._queue is not None:
            async for batch in self._queue.batches():
                yield batch

    async def list_opt_outs(self) -> AsyncIterator[Sequence[str]]:
        """Yield the pages of the account's default opt-out list."""
        token: dict[str, str] = {}
        while True:
            page = await self._client.read("describe_opted_out_numbers", OptOutListName=OPT_OUT_LIST, **token)
            yield [str(each["OptedOutNumber"]) for each in page.get("OptedOutNumbers") or ()]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    async def check(self) -> str:
        """Ask for a dry run to a number of AWS's simulator, nothing sent or charged, and look at the queue of events.

        Raises: RejectedError when the credentials or the account are refused, UnavailableError.
        """
        said = await self._dry_run()
        return f"{said}; {await self._queue.check() if self._queue else NO_QUEUE}"

    async def _dry_run(self) -> str:
        try:
            await self._client.read(
                "send_text_message",
                DestinationPhoneNumber=SIMULATOR,
                MessageBody="dry run",
                DryRun=True,
                **_origin(self._sender),
                **self._options,
            )
        except RejectedError as error:
            if error.code in ABOUT_DESTINATION:
                return f"the account answers; of a dry run to {SIMULATOR} it says: {aws_meaning(error.code).text}"
            raise
        return "a dry run went well"

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._queue is not None:
            self._queue.close()


def _options(settings: Settings) -> dict[str, Any]:
    if settings.aws_type and settings.aws_type.lower() not in TYPES:
        raise ConfigurationError(
            f'LUMIERE_SMS_AWS_TYPE is "{settings.aws_type}"; it must be promotional or transactional'
        )
    if settings.aws_max_price >= HIGHEST_PRICE:
        raise ConfigurationError(f"LUMIERE_SMS_AWS_MAX_PRICE is {settings.aws_max_price}; AWS takes prices below 100")
    given = {
        "MessageType": settings.aws_type.upper(),
        "ConfigurationSetName": settings.aws_configuration_set,
        "MaxPrice": f"{settings.aws_max_price:.5f}" if settings.aws_max_price else "",
    }
    return {name: value for name, value in given.items() if value}


def _origin(sender: str) -> dict[str, str]:
    return {} if sender == OWN_POOL else {"OriginationIdentity": sender}


def _context(message: Message) -> dict[str, str]:
    tenant = {TENANT: message.user_id.hex} if message.user_id else {}
    return {ATTEMPT: message.attempt_id.hex, **tenant}

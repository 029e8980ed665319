"""Amazon SNS: publishes texts straight to phones.

SNS keeps no list of what it sent, knows no token that would tell a second publish from the first, and writes its
delivery log within minutes to 72 hours. So where an answer was lost nothing can be proved in time: the text stays
unknown, and a person decides. An accepted one stays `sent`; that it went out is not proved either, since SNS goes
on accepting after the month's spend limit has been reached.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from lumiere_sms.errors import ConfigurationError, RejectedError, UnknownOutcomeError
from lumiere_sms.providers.aws_client import AwsClient, new_session
from lumiere_sms.providers.base import Accepted, Meaning, Message, Provider
from lumiere_sms.providers.codes import aws_meaning
from lumiere_sms.providers.registry import OWN_POOL
from lumiere_sms.settings import Settings

TYPES = ("promotional", "transactional")
NO_PROOF = "what became of a lost answer cannot be proved"
NOT_ALLOWED = {"AccessDenied", "AuthorizationError"}

_NUMBER = re.compile(r"\+?\d{3,15}")


class SnsProvider(Provider):
    """Texts through Amazon SNS."""

    name = "sns"
    has_opt_outs = True

    def __init__(
        self,
        *,
        sms_type: str = "",
        max_price: float = 0.0,
        slots: int = 64,
        connect_timeout: float = 3.0,
        read_timeout: float = 31.0,
    ) -> None:
        """Take the type of all texts and the most one may cost in US dollars. Raises: ConfigurationError."""
        if sms_type and sms_type.lower() not in TYPES:
            raise ConfigurationError(f'LUMIERE_SMS_SNS_TYPE is "{sms_type}"; it must be promotional or transactional')
        self._attributes = _attributes(sms_type, max_price)
        times = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._client = AwsClient("sns", new_session(), slots=slots, **times)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make it with what the AWS environment holds. Raises: ConfigurationError."""
        return cls(
            sms_type=settings.sns_type,
            max_price=settings.sns_max_price,
            slots=settings.slots,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )

    def meaning_of(self, code: str) -> Meaning:
        """Say what a code of AWS means."""
        return aws_meaning(code)

    async def submit(self, message: Message) -> Accepted:
        """Publish one text once. SNS bounds no queue by `validity` and carries no words of ours."""
        try:
            answer = await self._client.submit(
                "publish",
                PhoneNumber=message.to,
                Message=message.body,
                MessageAttributes={**self._attributes, **_sender(message.sender)},
            )
        except UnicodeEncodeError as error:
            raise RejectedError("the text holds characters that no encoding has") from error
        if not isinstance(answer.get("MessageId"), str) or not answer["MessageId"]:
            raise UnknownOutcomeError("SNS answered without the message's id")
        return Accepted(answer["MessageId"])

    async def list_opt_outs(self) -> AsyncIterator[Sequence[str]]:
        """Yield the pages of numbers that have opted out of this account's texts."""
        token: dict[str, str] = {}
        while True:
            page = await self._client.read("list_phone_numbers_opted_out", **token)
            yield [str(number) for number in page.get("phoneNumbers") or ()]
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    async def check(self) -> str:
        """Read the account's SMS settings. Raises: RejectedError when the credentials are refused, UnavailableError."""
        try:
            answer = await self._client.read("get_sms_attributes")
        except RejectedError as error:
            if error.code in NOT_ALLOWED:
                return f"the account answers; its settings may not be read (sns:GetSMSAttributes); {NO_PROOF}"
            raise
        limit = (answer.get("attributes") or {}).get("MonthlySpendLimit")
        return "the account answers" + (f"; it spends at most {limit} USD a month" if limit else "") + f"; {NO_PROOF}"

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _attributes(sms_type: str, max_price: float) -> Mapping[str, Any]:
    found = {}
    if sms_type:
        found["AWS.SNS.SMS.SMSType"] = {"DataType": "String", "StringValue": sms_type.capitalize()}
    if max_price:
        found["AWS.SNS.SMS.MaxPrice"] = {"DataType": "Number", "StringValue": f"{max_price:.5f}"}
    return found


def _sender(sender: str) -> Mapping[str, Any]:
    """Name a number or a sender id; the account's own pool is not named."""
    if sender == OWN_POOL:
        return {}
    name = "AWS.MM.SMS.OriginationNumber" if _NUMBER.fullmatch(sender) else "AWS.SNS.SMS.SenderID"
    return {name: {"DataType": "String", "StringValue": sender}}

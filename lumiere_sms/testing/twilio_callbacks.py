"""Status callbacks as Twilio posts them: a form per change of status, signed with the account's token."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from aiohttp import ClientError, ClientSession, ClientTimeout
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator

from lumiere_sms.testing.twilio_messages import StoredText

TIMEOUT = ClientTimeout(total=15)  # Twilio's own


async def call_back(session: ClientSession, text: StoredText, *, account_sid: str, auth_token: str) -> None:
    """Post every status but the first of a text to its StatusCallback, each at its time; a failure is let be."""
    validator = RequestValidator(auth_token)
    since = text.at
    for at, status in text.timeline()[1:]:
        await asyncio.sleep((at - since).total_seconds())
        since = at
        form = status_form(text, status, at=at, account_sid=account_sid)
        headers = {SIGNATURE_HEADER: validator.compute_signature(text.status_callback, form)}
        try:
            async with session.post(text.status_callback, data=form, headers=headers, timeout=TIMEOUT) as answer:
                await answer.read()
        except (ClientError, TimeoutError, OSError):
            continue


def status_form(text: StoredText, status: str, *, at: datetime, account_sid: str) -> Mapping[str, str]:
    """Return the parameters of one callback."""
    form = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": text.sender,
        "MessageSid": text.sid,
        "MessageStatus": status,
        "SmsSid": text.sid,
        "SmsStatus": status,
        "To": text.to,
    }
    if text.by_service:
        form["MessagingServiceSid"] = text.sender
    if status in {"delivered", "undelivered"}:
        form["RawDlrDoneDate"] = f"{at:%y%m%d%H%M}"
    if status == "undelivered":
        form["ErrorCode"] = str(text.failure_code)
    return form

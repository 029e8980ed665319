"""What Twilio refuses before it accepts a text, its test numbers included.

The numbers +15005550001 to +15005550009 are Twilio's own for testing: each of them fails in a fixed way
(https://www.twilio.com/docs/iam/test-credentials).
"""

import re
from collections.abc import Mapping

from lumiere_sms.testing.twilio_faults import Refusal

MAX_BODY = 1600
MAX_VALIDITY = 36_000
TEST_RECIPIENTS = {
    "+15005550001": Refusal(21211),
    "+15005550002": Refusal(21612),
    "+15005550003": Refusal(21408),
    "+15005550004": Refusal(21610),
    "+15005550009": Refusal(21614),
}
TEST_SENDERS = {
    "+15005550001": Refusal(21212),
    "+15005550007": Refusal(21606),
    "+15005550008": Refusal(21611),
}
MESSAGES: dict[int | str, str] = {
    20003: "Authenticate",
    20404: "The requested resource {0} was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21211: "The 'To' number {0} is not a valid phone number.",
    21212: "The 'From' number {1} is not a valid phone number, shortcode, or alphanumeric sender ID.",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {0}.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number {1} is not a valid, SMS-capable phone number for your account.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' ({0}) and 'From' ({1}) parameters.",
    21614: "'To' number is not a valid mobile number: {0}",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21624: "Invalid validity period value",
    21705: "The Messaging Service Sid is invalid.",
}

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")


def refusal_of(form: Mapping[str, str]) -> Refusal | None:
    """Return why Twilio would refuse these parameters of POST Messages, or None."""
    return _of_recipient(form.get("To", "")) or _of_sender(form) or _of_content(form)


def error_document(refusal: Refusal, to: str = "", sender: str = "") -> dict[str, object]:
    """Return an error as Twilio writes it."""
    return {
        "code": refusal.code,
        "message": MESSAGES.get(refusal.code, "Refused").format(to, sender),
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }


def _of_recipient(to: str) -> Refusal | None:
    if not to:
        return Refusal(21604)
    return TEST_RECIPIENTS.get(to) or (None if _E164.fullmatch(to) else Refusal(21211))


def _of_sender(form: Mapping[str, str]) -> Refusal | None:
    service, sender = form.get("MessagingServiceSid", ""), form.get("From", "")
    if service:
        return None if _SERVICE.fullmatch(service) else Refusal(21705)
    if not sender:
        return Refusal(21603)
    return TEST_SENDERS.get(sender) or (None if _SENDER.fullmatch(sender) else Refusal(21212))


def _of_content(form: Mapping[str, str]) -> Refusal | None:
    body, validity = form.get("Body", ""), form.get("ValidityPeriod", str(MAX_VALIDITY))
    if not body:
        return Refusal(21602)
    if len(body) > MAX_BODY:
        return Refusal(21617)
    return None if validity.isdecimal() and 0 < int(validity) <= MAX_VALIDITY else Refusal(21624)

"""Which of the three ProviderErrors a failure of an AWS call is. The heart of "nobody gets two texts".

No AWS call that sends a text can be repeated safely: there is no token that would tell a second one from the
first. What never left this machine (no credentials, no connection) is safe to send again, and so is what AWS
throttled or refused in its own words. A 5xx, a cut connection, silence and an answer that nobody can read may
have been accepted. A 4xx that is not in AWS's words comes from something in between, which passed nothing on,
but for 408 and 499, which end a request that was on its way.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ProxyConnectionError,
    SSLError,
)

from lumiere_sms.errors import ProviderError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.logs import mask_phone
from lumiere_sms.providers.base import Action, Meaning, Reason
from lumiere_sms.providers.codes import aws_meaning

ACCOUNT_HINT = "check the AWS credentials, their policy and the region"
ADDRESS_HINT = "check AWS_ENDPOINT_URL… and what stands between this machine and AWS"
REACH_HINT = "is this machine online? is the region right? is AWS_ENDPOINT_URL…, where it is set?"
MAX_RETRY_AFTER = 3600.0

_ON_ITS_WAY = {HTTPStatus.REQUEST_TIMEOUT, 499}  # 499: nginx's "the client gave up"
_NOTHING_DONE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
_NEVER_CONNECTED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
#: What TLS says before it carries anything: the certificate, the version, no TLS at all.
_HANDSHAKE = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HANDSHAKE_FAILURE", "UNSUPPORTED_PROTOCOL")
_NUMBERS = re.compile(r"\+?\d{7,15}")
_PARAMETERS = re.compile(r"PhoneNumber|SenderID|OriginationNumber|Message")
_SENDERS = {"SenderID", "OriginationNumber"}
_FIELDS = {"DestinationPhoneNumber", "MessageBody", "OriginationIdentity"}


def failure_of_submission(error: Exception, *, is_sent: bool) -> ProviderError:
    """Return what a failed call means for the text; `is_sent` says whether the request may have left this machine."""
    if isinstance(error, ParamValidationError):
        meaning = aws_meaning("ParamValidationError")
        return RejectedError(meaning.text, code=meaning.code, action=meaning.action)
    if not is_sent:
        return _never_asked(error)
    if isinstance(error, ClientError):
        return _of_answer(error)
    if _is_unconnected(error):
        return UnavailableError(f"AWS cannot be reached: {_words(error)}", hint=REACH_HINT)
    return UnknownOutcomeError(f"AWS's answer was lost: {_words(error)}")


def failure_of_reading(error: Exception, *, is_sent: bool) -> ProviderError:
    """Return what a failed call means that changes nothing: it is never doubtful."""
    if not is_sent:
        return _never_asked(error)
    if not isinstance(error, ClientError):
        return UnavailableError(f"AWS does not answer: {_words(error)}", hint=REACH_HINT)
    status, meaning, said = _answer(error)
    if meaning.code and status < HTTPStatus.INTERNAL_SERVER_ERROR and meaning.reason is not Reason.PACE:
        hint = ACCOUNT_HINT if meaning.reason is Reason.ACCOUNT else ""
        return RejectedError(said, code=meaning.code, hint=hint)
    action = Action.CUT_PACE if meaning.reason is Reason.PACE else Action.NONE
    return UnavailableError(said, code=meaning.code, action=action, hint="" if meaning.code else ADDRESS_HINT)


def _never_asked(error: Exception) -> ProviderError:
    """Return what it means that not even the request could be made: there are no credentials for it."""
    said = f"AWS cannot be asked: {_words(error)}"
    return UnavailableError(said, action=Action.PAUSE_PROVIDER, hint=ACCOUNT_HINT)


def _of_answer(error: ClientError) -> ProviderError:
    status, meaning, said = _answer(error)
    wait = _retry_after(error)
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return UnavailableError(said, code=meaning.code, action=Action.CUT_PACE, retry_after=wait)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _ON_ITS_WAY:
            action = meaning.action if meaning.is_known else Action.NONE
            return UnknownOutcomeError(said, code=meaning.code, action=action, retry_after=wait)
        case _ if status < HTTPStatus.BAD_REQUEST and status not in _NOTHING_DONE:
            return UnknownOutcomeError(said, action=Action.PAUSE_PROVIDER, hint=ADDRESS_HINT)
        case _ if not meaning.code:
            return UnavailableError(said, action=Action.PAUSE_PROVIDER, hint=ADDRESS_HINT)
    hint = ACCOUNT_HINT if meaning.reason is Reason.ACCOUNT else ""
    return meaning.outcome(said, code=meaning.code, action=meaning.action, retry_after=wait, hint=hint)


def _answer(error: ClientError) -> tuple[int, Meaning, str]:
    """Return the status, the meaning of the code (an empty one where AWS said none), and the sentence."""
    response = error.response
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    name, words = str(response.get("Error", {}).get("Code", "")), str(response.get("Error", {}).get("Message", ""))
    if not name or name.isdecimal() or name == "Unknown":
        return status, Meaning("", ""), f"something that is not AWS answered {status}"
    meaning = _most_precise(name, words, response)
    told = meaning.text or _NUMBERS.sub(lambda found: mask_phone(found[0]), words)[:300]
    return status, meaning, f"AWS answered {status}, {meaning.code}" + (f": {told}" if told else "")


def _most_precise(name: str, words: str, response: Mapping[str, Any]) -> Meaning:
    """Return the meaning of the parameter that an answer complains of, else of its reason, else of its name."""
    reason, fields = str(response.get("Reason") or ""), response.get("Fields") or ()
    named = [str(each.get("Name", "")) for each in fields if isinstance(each, dict)]
    complaint = next((f"{name}.{field}" for field in named if field in _FIELDS), "")
    if name in {"InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue"}:
        name, complaint = "InvalidParameter", _sns_complaint(words)
    found = (aws_meaning(code) for code in (complaint, reason) if code)
    return next((meaning for meaning in found if meaning.is_known), aws_meaning(name))


def _sns_complaint(words: str) -> str:
    """Read which parameter SNS complains of: it says so in words alone."""
    found = _PARAMETERS.search(words.replace("Invalid parameter: ", "", 1))
    if not found:
        return ""
    return "InvalidParameter.Sender" if found[0] in _SENDERS else f"InvalidParameter.{found[0]}"


def _is_unconnected(error: Exception) -> bool:
    if isinstance(error, SSLError):
        return any(said in str(error) for said in _HANDSHAKE)
    return isinstance(error, _NEVER_CONNECTED)


def _words(error: Exception) -> str:
    said = _NUMBERS.sub(lambda found: mask_phone(found[0]), str(error))
    return f"{type(error).__name__} {said}"[:300].strip()


def _retry_after(error: ClientError) -> float:
    value = str(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    return min(float(value), MAX_RETRY_AFTER) if value.isdecimal() else 0.0

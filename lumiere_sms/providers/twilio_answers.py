"""Which of the three ProviderErrors an answer of Twilio is. The heart of "nobody gets two texts".

Creating a message is not idempotent: Twilio's page on 20500 says that repeating a request after a 5xx may
send the text twice, its page on 20429 that a throttled request was never processed. So a 429 is safe to ask
again, a 4xx in Twilio's own words is what its code says, and a 5xx may have been accepted. A 4xx that is not
in Twilio's words (an HTML page) comes from something in between, which passed nothing on, but for 408 and
499, which end a request that was on its way. A redirect is never followed with a second POST: 301, 307 and
308 say that nothing was done here, 302 and 303 are what a server answers that has done something.
"""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from lumiere_sms.errors import ProviderError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.logs import mask_phone
from lumiere_sms.providers.base import Action
from lumiere_sms.providers.codes import twilio_meaning

CREDENTIALS_HINT = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
ADDRESS_HINT = "check LUMIERE_SMS_TWILIO_BASE_URL and what stands between this machine and Twilio"
PERMISSION_DENIED, TEST_CREDENTIALS, NOT_FOUND = "20003", "20008", "20404"
MAX_RETRY_AFTER = 3600.0

_ON_ITS_WAY = {HTTPStatus.REQUEST_TIMEOUT, 499}  # 499: nginx's "the client gave up"
_NOTHING_DONE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
_NUMBERS = re.compile(r"\+?\d{7,15}")


def failure_of_submission(status: int, text: str, headers: Mapping[str, str]) -> ProviderError:
    """Return what an answer to POST Messages, other than 2xx, means for the text."""
    code, words = _twilio_words(text)
    meaning = twilio_meaning(code)
    sentence = _sentence(status, code, meaning.text or words)
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            action = Action.PAUSE_PROVIDER if meaning.action is Action.PAUSE_PROVIDER else Action.CUT_PACE
            return UnavailableError(sentence, code=code, action=action, retry_after=_retry_after(headers))
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _ON_ITS_WAY:
            action = meaning.action if meaning.is_known else Action.NONE
            return UnknownOutcomeError(sentence, code=code, action=action, retry_after=_retry_after(headers))
        case _ if status < HTTPStatus.BAD_REQUEST and status not in _NOTHING_DONE:
            return UnknownOutcomeError(sentence, action=Action.PAUSE_PROVIDER, hint=ADDRESS_HINT)
        case _ if not code:
            return UnavailableError(sentence, action=Action.PAUSE_PROVIDER, hint=ADDRESS_HINT)
    hint = CREDENTIALS_HINT if code == PERMISSION_DENIED else ""
    return meaning.outcome(sentence, code=code, action=meaning.action, hint=hint)


def failure_of_reading(status: int, text: str, headers: Mapping[str, str]) -> ProviderError:
    """Return what an answer to a GET, other than 200, means: nothing was at stake, so it is never doubtful."""
    code, words = _twilio_words(text)
    sentence = _sentence(status, code, twilio_meaning(code).text or words)
    is_ours = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_ours and code and status != HTTPStatus.TOO_MANY_REQUESTS:
        hint = CREDENTIALS_HINT if code in {PERMISSION_DENIED, TEST_CREDENTIALS} else ""
        return RejectedError(sentence, code=code, action=Action.NONE, hint=hint)
    action = Action.CUT_PACE if status == HTTPStatus.TOO_MANY_REQUESTS else Action.NONE
    hint = "" if code else ADDRESS_HINT
    return UnavailableError(sentence, code=code, action=action, retry_after=_retry_after(headers), hint=hint)


def _twilio_words(text: str) -> tuple[str, str]:
    """Return the code and the message of an error document of Twilio, in its old or its RFC 9457 form."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(said, dict) or not isinstance(said.get("code"), int | str):
        return "", ""
    words = str(said.get("message") or said.get("detail") or said.get("title") or "")
    return str(said["code"]), _NUMBERS.sub(lambda found: mask_phone(found[0]), words)[:300]


def _sentence(status: int, code: str, words: str) -> str:
    if not code:
        return f"Twilio answered {status} without saying why"
    return f"Twilio answered {status}, code {code}" + (f": {words}" if words else "")


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return how long Twilio asks to be left alone: seconds, or a date beside the answer's own date."""
    value = headers.get("Retry-After", "")
    if value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return 0.0
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER)

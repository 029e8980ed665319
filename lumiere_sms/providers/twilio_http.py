"""The transport below the Twilio SDK: one shared aiohttp session, our time-outs, never a second try.

The SDK's own asynchronous client ignores its constructor's time-out, asks again after a 5xx when given
`max_retries`, and keeps each answer in an attribute that concurrent calls share. This one passes in through
the SDK's extension point and says of each failure whether the request could have reached Twilio:

    never connected, or waited in vain for a free connection    nothing was sent
    anything later on a POST                                    it may have been sent

A server may close an idle connection in the moment in which the next request goes out on it. Whether it
was read cannot be told from here, so that counts as sent.
"""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

from lumiere_sms.errors import ProviderError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.twilio_answers import failure_of_reading, failure_of_submission

READERS = 4  # connections beside the slots, so that polling never keeps a text waiting
_REDIRECTION = 300
_REACH = "is this machine online? is LUMIERE_SMS_TWILIO_BASE_URL right, or better left out?"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")


class LeanHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """Carries the SDK's requests. Belongs to the event loop that makes the first one."""

    def __init__(self, *, slots: int, connect_timeout: float, read_timeout: float) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=True)
        self._connections = slots + READERS
        self._timeout = ClientTimeout(
            total=connect_timeout + read_timeout,
            connect=connect_timeout,
            sock_connect=connect_timeout,
            sock_read=read_timeout,
        )
        self._session: ClientSession | None = None

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the SDK's signature; the time-outs are the session's
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - the SDK's signature; none is ever followed
    ) -> Response:
        """Ask once. Raises: the ProviderErrors, for whatever is not a 2xx."""
        body = _form(data) if data else None
        session = self._session or self._open(headers or {}, auth)
        try:
            async with session.request(method, _url(uri), params=params, data=body, allow_redirects=False) as answer:
                text = (await answer.read()).decode("utf-8", "replace")
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            said = _words(error).replace(" ssl:default", "")
            raise UnavailableError(f"Twilio cannot be reached: {said}", hint=_REACH) from error
        except (ClientError, TimeoutError, OSError) as error:
            raise _cut_off(method, error) from error
        if answer.status >= _REDIRECTION:
            failure_of = failure_of_submission if method == "POST" else failure_of_reading
            raise failure_of(answer.status, text, answer.headers)
        return Response(answer.status, text)

    async def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        session, self._session = self._session, None
        if session:
            await session.close()
            await asyncio.sleep(0)  # lets the transports close before the loop may

    def _open(self, headers: Mapping[str, str], auth: tuple[str, str] | None) -> ClientSession:
        """Make the session with what every request of the SDK carries, so that none is built twice."""
        fixed = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        fixed["Authorization"] = "Basic " + b64encode(":".join(auth or ()).encode()).decode()
        connector = TCPConnector(limit=self._connections)
        self._session = ClientSession(
            connector=connector, headers=fixed, timeout=self._timeout, cookie_jar=DummyCookieJar()
        )
        return self._session


@lru_cache(maxsize=64)
def _url(uri: str) -> URL:
    return URL(uri, encoded=True)


def _form(data: Mapping[str, object]) -> bytes:
    """Encode a form. Every byte of a value that needs escapes is escaped: a fifth of the time of `urlencode`."""
    return "&".join(f"{name}={_escaped(str(value))}" for name, value in data.items()).encode()


def _escaped(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "%" + value.encode().hex("%")


def _cut_off(method: str, error: BaseException) -> ProviderError:
    said = f"Twilio's answer was lost: {_words(error)}"
    return UnknownOutcomeError(said) if method == "POST" else UnavailableError(said)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()

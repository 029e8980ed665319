"""The transport below the AWS providers: boto3 in threads of ours, our time-outs, never a second try.

By itself boto3 asks up to three times where an answer is slow, cut off or an error, and AWS_MAX_ATTEMPTS or the
AWS configuration file may raise that: three texts. `total_max_attempts` of 1 in the client's own configuration
stands above both.

A call may wait before anything is on the wire, for credentials that have to be fetched or renewed. One that
has waited too long is not sent any more; the hook that botocore calls just before it writes to the connection
decides that, and tells what cannot have reached AWS from what may have.

Each call has a thread of its own: in a pool a call could wait for a thread that hangs in a silent call before it,
and a process that is told to stop now would wait for the pool.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from time import clock_gettime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from botocore.parsers import ResponseParserError

from lumiere_sms.errors import ConfigurationError, ProviderError, UnavailableError
from lumiere_sms.providers.aws_answers import ADDRESS_HINT, failure_of_reading, failure_of_submission

#: Goes on while the machine sleeps; `time.monotonic` does not on Linux.
WAKEFUL = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
STALE = 1.0  # seconds within which a submission has to be on the wire
READERS = 12  # connections beside the slots, so that reading never keeps a text waiting
CREDENTIALS_HINT = "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE"
REGION_HINT = "export AWS_DEFAULT_REGION, as in AWS_DEFAULT_REGION=ap-northeast-1"

_FAILURES = (BotoCoreError, ClientError, ResponseParserError, RuntimeError)  # the last: new credentials that are old
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)  # what its parsers stumble over


class _TooLateError(Exception):
    """The call waited too long for whatever comes before the wire."""


class AwsClient:
    """Calls one AWS service. Region, credentials and address are found by the SDK's own chain."""

    def __init__(
        self, service: str, session: boto3.Session, *, slots: int, connect_timeout: float, read_timeout: float
    ) -> None:
        """Make the client of a service. Raises: ConfigurationError where region or address are not as needed."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_pool_connections=slots + READERS,
            tcp_keepalive=True,
        )
        self._client = _new_client(service, session, config)
        self._client.meta.events.register("before-send", self._note_sending)
        self._call = threading.local()

    async def submit(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call what sends a text, once. Raises: the ProviderErrors of a submission."""
        begins_by = clock_gettime(WAKEFUL) + STALE
        return await _in_thread(lambda: self._ask(operation, parameters, begins_by, failure_of_submission))

    async def read(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call what changes nothing that a text depends on. Raises: RejectedError, UnavailableError."""
        return await _in_thread(lambda: self._ask(operation, parameters, float("inf"), failure_of_reading))

    def close(self) -> None:
        """Close the idle connections; calls that are on the wire go on."""
        self._client.close()

    def _ask(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        begins_by: float,
        failure_of: Callable[..., ProviderError],
    ) -> Mapping[str, Any]:
        self._call.begins_by, self._call.is_sent = begins_by, False
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
        except _TooLateError as error:
            raise UnavailableError("the call to AWS could not begin in time: credentials took too long") from error
        except (*_FAILURES, *_UNREADABLE) as error:
            if isinstance(error, _UNREADABLE) and not self._call.is_sent:
                raise
            raise failure_of(error, is_sent=self._call.is_sent) from error
        return answer

    def _note_sending(self, **_: Any) -> None:
        if clock_gettime(WAKEFUL) > self._call.begins_by:
            raise _TooLateError
        self._call.is_sent = True


def new_session() -> boto3.Session:
    """Find the credentials that all clients of a provider share. Raises: ConfigurationError when there are none."""
    try:
        session = boto3.Session()
        has_credentials = session.get_credentials() is not None
    except BotoCoreError as error:  # a profile that does not exist, half a pair of keys
        raise ConfigurationError(f"AWS is not set up: {error}", hint=CREDENTIALS_HINT) from error
    if not has_credentials:
        raise ConfigurationError("there are no AWS credentials", hint=CREDENTIALS_HINT)
    return session


def _new_client(service: str, session: boto3.Session, config: Config) -> Any:
    try:
        return session.client(service, config=config)
    except NoRegionError as error:
        raise ConfigurationError("no AWS region is set", hint=REGION_HINT) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"AWS is not set up: {error}", hint=ADDRESS_HINT) from error


async def _in_thread(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Run a call in a thread that nobody waits for: who is cancelled is so at once."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Mapping[str, Any]] = loop.create_future()

    def tell(answer: Mapping[str, Any] | None, error: BaseException | None) -> None:
        if answered.done():
            return
        if error is not None:
            answered.set_exception(error)
        else:
            answered.set_result(answer or {})

    def run() -> None:
        answer, failure = None, None
        try:
            answer = call()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
            failure = error
        try:
            loop.call_soon_threadsafe(tell, answer, failure)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits for this answer
            return

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:  # the system gives no more
        raise UnavailableError("there is no thread for a call to AWS", hint="lower LUMIERE_SMS_SLOTS") from error
    return await answered

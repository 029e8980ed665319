"""The other sides of the AWS providers: our own server for End User Messaging, moto's for SNS, made to misbehave."""

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs

from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.sns import sns_backends
from support.wire import NOBODY, PHONE
from werkzeug.serving import make_server

from lumiere_sms.providers.aws import AwsProvider
from lumiere_sms.providers.base import Provider
from lumiere_sms.providers.sns import SnsProvider
from lumiere_sms.testing.aws_server import SANDBOX_KEY_ID, SANDBOX_SECRET_KEY, AwsServer
from lumiere_sms.testing.contract import Behaviour
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal

REGION = "us-east-1"
NO_PHONE = "nobody"
AT_ONCE = timedelta(0)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": SANDBOX_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SANDBOX_SECRET_KEY,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
QUICKLY = {"slots": 8, "connect_timeout": 1.0, "read_timeout": 2.0}
STEPS = {
    Behaviour.ACCEPTS: None,
    Behaviour.REJECTS: Refusal("DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    Behaviour.THROTTLES: Fault.THROTTLE,
    Behaviour.FAILS_AFTER_ACCEPTING: Fault.ERROR_AFTER,
    Behaviour.CUTS_BEFORE_ACCEPTING: Fault.CUT_BEFORE,
    Behaviour.CUTS_AFTER_ACCEPTING: Fault.CUT_AFTER,
    Behaviour.KEEPS_SILENT: Fault.SILENCE_AFTER,
    Behaviour.TALKS_RUBBISH: Fault.HTML_AFTER,
}


class AwsWorld:
    sender, phone = "default", PHONE

    def __init__(self, server: AwsServer, setenv: Callable[[str, str], None]) -> None:
        self._server = server
        self._setenv = setenv
        self.behave(Behaviour.ACCEPTS)

    def provider(self) -> Provider:
        return AwsProvider(events_queue_url=self._server.queue_url, **QUICKLY)

    def behave(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.REFUSES_CONNECTIONS:
            self._setenv("AWS_ENDPOINT_URL", NOBODY)
        else:
            self._server.behave(Faults(by_phone={PHONE: STEPS[behaviour]}, deliver_after=AT_ONCE))

    def answer(self, body: str) -> None:
        self._server.reply(PHONE, body, to=self.sender)

    @property
    def accepted(self) -> Sequence[str]:
        return [text.body for text in self._server.accepted]

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()


class SnsWorld:
    sender = "default"

    def __init__(self, front: "SnsFront", setenv: Callable[[str, str], None]) -> None:
        self._front = front
        self._setenv = setenv
        self.phone = PHONE
        front.forget()
        self.behave(Behaviour.ACCEPTS)

    def provider(self) -> Provider:
        return SnsProvider(**QUICKLY)

    def behave(self, behaviour: Behaviour) -> None:
        self._setenv("AWS_ENDPOINT_URL", NOBODY if behaviour is Behaviour.REFUSES_CONNECTIONS else self._front.url)
        self.phone = NO_PHONE if behaviour is Behaviour.REJECTS else PHONE
        self._front.behaviour = behaviour

    def answer(self, body: str) -> None:
        raise NotImplementedError(body)

    @property
    def accepted(self) -> Sequence[str]:
        return self._front.bodies

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()


class SnsFront:
    """moto's server behind something that breaks on demand; counts what is published."""

    def __init__(self) -> None:
        self.url = ""
        self.behaviour = Behaviour.ACCEPTS
        self.published: list[dict[str, list[str]]] = []
        self.refuses_reading = ""
        self.pages: list[tuple[str, str]] = []
        self.over = Event()
        self._moto = DomainDispatcherApplication(create_backend_app)

    @property
    def bodies(self) -> list[str]:
        return [message for _, message in sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()]

    def forget(self) -> None:
        sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.clear()
        self.published.clear()
        self.refuses_reading, self.pages = "", []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        form = parse_qs(body.decode())
        if form.get("Action") != ["Publish"]:
            return self._read(environ, start_response)
        self.published.append(form)
        match self.behaviour:
            case Behaviour.THROTTLES:
                return _error(start_response, "400 Bad Request", "Throttling")
            case Behaviour.CUTS_BEFORE_ACCEPTING:
                return _cut(environ, start_response)
            case Behaviour.ACCEPTS | Behaviour.REJECTS:
                return self._moto(environ, start_response)
        list(self._moto(environ, lambda *_: None))
        return self._go_wrong(environ, start_response)

    def _read(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.refuses_reading:
            return _error(start_response, "403 Forbidden", self.refuses_reading)
        if self.pages:
            number, token = self.pages.pop(0)
            start_response("200 OK", [("Content-Type", "text/xml")])
            said = f"<phoneNumbers><member>{number}</member></phoneNumbers><nextToken>{token}</nextToken>"
            name = "ListPhoneNumbersOptedOut"
            return [f"<{name}Response><{name}Result>{said}</{name}Result></{name}Response>".encode()]
        return self._moto(environ, start_response)

    def _go_wrong(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match self.behaviour:
            case Behaviour.FAILS_AFTER_ACCEPTING:
                return _error(start_response, "500 Internal Server Error", "InternalError")
            case Behaviour.TALKS_RUBBISH:
                start_response("200 OK", [("Content-Type", "text/html")])
                return [b"<html><body>Not what you expected</body></html>"]
            case Behaviour.KEEPS_SILENT:
                self.over.wait(2)
        return _cut(environ, start_response)


def _error(start_response: Callable[..., Any], status: str, code: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/xml")])
    said = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
    return [f"<ErrorResponse>{said}<RequestId>1</RequestId></ErrorResponse>".encode()]


def _cut(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response("200 OK", [])
    return []


@contextmanager
def sns_front() -> Iterator[SnsFront]:
    front = SnsFront()
    server = make_server("127.0.0.1", 0, front, threaded=True)
    front.url = f"http://127.0.0.1:{server.port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield front
    finally:
        front.over.set()
        server.shutdown()
        thread.join()
        server.server_close()

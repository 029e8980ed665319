"""A server that speaks AWS End User Messaging and its queue of events on this machine. No text leaves it.

    with AwsServer(Faults(shares={Fault.CUT_AFTER: 0.05})) as server:
        ...  # in the environment of what is tested: server.environment()
        assert len(server.accepted) == 200

Requests are held against AWS's own description of the service (aws_model.py), so that one which AWS would refuse
is refused here. Faults are those of the Twilio stand-in; a refusal is named by AWS's reason or exception:
`Refusal("DESTINATION_PHONE_NUMBER_OPTED_OUT")`. Every accepted text puts its events into the queue. Beside AWS's
calls it answers `GET /_log` with every accepted text as JSON; `DELETE /_log` forgets them.
"""

import asyncio
import json
import threading
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, assert_never

from aiohttp import web

from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.testing.aws_model import complaints, exception_of, operation_of
from lumiere_sms.testing.aws_queue import Envelope, Queue, events_of, reply_of, wrapped
from lumiere_sms.testing.local_server import LocalServer, cut
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal, Step
from lumiere_sms.testing.twilio_messages import AcceptedText, StoredText, TextStore

SERVICE = "pinpoint-sms-voice-v2"
SANDBOX_KEY_ID = "AKIASANDBOXSANDBOX00"
SANDBOX_SECRET_KEY = "5e" * 20
SANDBOX_REGION = "ap-northeast-1"
QUEUE_PATH = "/000000000000/sms-events"
PAGE = "<!doctype html><html><body><h1>Not what you expected</h1></body></html>"
LOOK_EVERY = 0.02  # seconds between looks at an empty queue, while somebody waits


class AwsServer:
    """The stand-in. Everything may be read from any thread."""

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        log: Path | None = None,
        envelope: Envelope = Envelope.RAW,
        hidden_for: timedelta = timedelta(seconds=30),
        longest_wait: timedelta = timedelta(seconds=20),
    ) -> None:
        """Take what to do. An event that was handed out and not deleted comes again after `hidden_for`.

        `longest_wait` is how long the queue waits for a first event at most, whoever asks it to wait longer.
        """
        self.key_id = SANDBOX_KEY_ID
        self.opted_out: list[str] = []
        self.queue = Queue(hidden_for=hidden_for)
        self._faults = faults or Faults()
        self._script = list(self._faults.script)
        self._clock = clock or SystemClock()
        self._envelope = envelope
        self._longest_wait = longest_wait.total_seconds()
        self._store = TextStore(log)
        self._lock = threading.Lock()
        self._requests: list[dict[str, Any]] = []
        self._server = LocalServer(self._app, host=host, port=port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def queue_url(self) -> str:
        """The address of the queue of events."""
        return f"{self.url}{QUEUE_PATH}"

    @property
    def accepted(self) -> tuple[AcceptedText, ...]:
        """Every accepted text, in order."""
        return self._store.accepted()

    @property
    def requests(self) -> tuple[dict[str, Any], ...]:
        """The parameters of every SendTextMessage that arrived, dry runs apart, whatever became of them."""
        with self._lock:
            return tuple(self._requests)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead the AWS SDK and lumiere-sms here."""
        return {
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": SANDBOX_SECRET_KEY,
            "AWS_DEFAULT_REGION": SANDBOX_REGION,
            "AWS_ENDPOINT_URL": self.url,
            "LUMIERE_SMS_PROVIDER": "aws",
            "LUMIERE_SMS_AWS_EVENTS_QUEUE_URL": self.queue_url,
        }

    def reply(self, phone: str, body: str, *, to: str, answers: str = "", at: datetime | None = None) -> None:
        """Let somebody text one of our numbers; `answers` is the id of the text that they answer."""
        envelope = Envelope.RAW if self._envelope is Envelope.RAW else Envelope.SNS
        said = reply_of(phone, body, to=to, answers=answers)
        self.queue.put(wrapped(said, envelope), at=at or self._clock.now())

    def behave(self, faults: Faults) -> None:
        """Change what goes wrong from now on."""
        with self._lock:
            self._faults, self._script = faults, list(faults.script)

    def start(self) -> None:
        """Listen. Raises: ConfigurationError when the port is taken."""
        self._server.start()

    def stop(self) -> None:
        """Answer nobody any more and give the port back."""
        self._server.stop()
        self._store.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/_log", self._show_log),
                web.delete("/_log", self._clear_log),
                web.post("/{path:.*}", self._answer),
            ]
        )
        return app

    async def _show_log(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([asdict(text) for text in self.accepted])

    async def _clear_log(self, _: web.Request) -> web.StreamResponse:
        self._store.forget()
        return web.Response(status=204)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if f"Credential={self.key_id}/" not in request.headers.get("Authorization", ""):
            return _refused("UnrecognizedClientException", "The security token included in the request is invalid.")
        service, target = _named(request)
        operation = operation_of(service, target)
        if operation is None:
            return _refused("UnknownOperationException", target)
        parameters = json.loads(await request.read())
        if operation.name == "SendTextMessage":
            return await self._send(request, parameters, complaints(operation, parameters))
        return await self._read(operation.name, parameters)

    async def _read(self, name: str, parameters: dict[str, Any]) -> web.StreamResponse:
        match name:
            case "DescribeOptedOutNumbers":
                return _said({"OptOutListName": "Default", "OptedOutNumbers": [_opted_out(p) for p in self.opted_out]})
            case "GetQueueAttributes":
                return _said({"Attributes": {"ApproximateNumberOfMessages": str(len(self.queue))}})
            case "ReceiveMessage":
                return await self._receive(parameters)
            case "DeleteMessageBatch":
                self.queue.delete(entry["ReceiptHandle"] for entry in parameters["Entries"])
                return _said({"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []})
        return _refused("UnknownOperationException", name)

    async def _send(
        self, request: web.Request, parameters: dict[str, Any], wrong: list[tuple[str, str]]
    ) -> web.StreamResponse:
        to = str(parameters.get("DestinationPhoneNumber", ""))
        if parameters.get("DryRun"):
            return self._try_out(to, wrong)
        ordinal = self._store.count_request(to)
        step = self._next_step(parameters, to, ordinal)
        if isinstance(step, Fault) and not step.accepts:
            return await self._go_wrong(step, request)
        if isinstance(step, Refusal):
            return _refusal(step)
        if wrong:
            return _invalid(wrong)
        text = self._accept(parameters, to, ordinal)
        await asyncio.sleep(self._faults.latency.total_seconds())
        if isinstance(step, Fault):
            return await self._go_wrong(step, request)
        return _said({"MessageId": text.sid})

    def _try_out(self, to: str, wrong: list[tuple[str, str]]) -> web.StreamResponse:
        """Answer a dry run: nothing is sent, but a refusal of that number holds."""
        step = self._faults.by_phone.get(to)
        if isinstance(step, Refusal):
            return _refusal(step)
        return _invalid(wrong) if wrong else _said({"MessageId": "dry-run"})

    def _next_step(self, parameters: dict[str, Any], to: str, ordinal: int) -> Step:
        with self._lock:
            self._requests.append(parameters)
            return self._script.pop(0) if self._script else self._faults.draw(to, ordinal)

    def _accept(self, parameters: dict[str, Any], to: str, ordinal: int) -> StoredText:
        text = StoredText(
            sid=f"aws-{new_id().hex}",
            to=to,
            sender=parameters.get("OriginationIdentity", "POOL"),
            body=parameters["MessageBody"],
            at=self._clock.now(),
            deliver_after=self._faults.deliver_after,
            failure_code=self._faults.failure_code(to, ordinal),
        )
        self._store.add(text)
        for at, event in events_of(text, parameters.get("Context", {})):
            self.queue.put(wrapped(event, self._envelope), at=at)
        return text

    async def _go_wrong(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        match fault:
            case Fault.THROTTLE:
                return _refused("ThrottlingException", "Rate exceeded")
            case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
                return _refused("InternalServerException", "It failed inside", status=500)
            case Fault.HTML_BEFORE | Fault.HTML_AFTER:
                return web.Response(text=PAGE, content_type="text/html", status=200 if fault.accepts else 403)
            case Fault.SILENCE_BEFORE | Fault.SILENCE_AFTER:
                await self._server.stopping.wait()
                return cut(request)
            case Fault.CUT_BEFORE | Fault.CUT_AFTER:
                return cut(request)
            case never:
                assert_never(never)

    async def _receive(self, parameters: dict[str, Any]) -> web.StreamResponse:
        most = int(parameters.get("MaxNumberOfMessages", 1))
        left = min(float(parameters.get("WaitTimeSeconds", 0)), self._longest_wait)
        while not (found := self.queue.receive(most, now=self._clock.now())) and left > 0:
            await asyncio.sleep(LOOK_EVERY)
            left -= LOOK_EVERY
        return _said({"Messages": found} if found else {})


def _named(request: web.Request) -> tuple[str, str]:
    target = request.headers.get("X-Amz-Target", "")
    return ("sqs" if target.startswith("AmazonSQS") else SERVICE), target


def _said(document: dict[str, Any]) -> web.Response:
    return web.json_response(document, content_type="application/x-amz-json-1.0")


def _refused(name: str, message: str, *, status: int = 400, **more: Any) -> web.Response:
    document = {"__type": name, "Message": message, **more}
    return web.json_response(document, status=status, content_type="application/x-amz-json-1.0")


def _refusal(refusal: Refusal) -> web.Response:
    reason = str(refusal.code)
    name = exception_of(SERVICE, reason)
    return _refused(name, "Refused", status=refusal.status, **({} if name == reason else {"Reason": reason}))


def _invalid(wrong: list[tuple[str, str]]) -> web.Response:
    fields = [{"Name": name, "Message": message} for name, message in wrong]
    return _refused("ValidationException", "Invalid request", Reason="FIELD_VALIDATION_FAILED", Fields=fields)


def _opted_out(phone: str) -> dict[str, Any]:
    return {"OptedOutNumber": phone, "OptedOutTimestamp": 0, "EndUserOptedOut": True}

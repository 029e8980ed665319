"""What tests of the Twilio provider share: a provider, a text, and a server that answers what it is told."""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import uuid4

from lumiere_sms.providers.base import Accepted, Message, Provider, Receipt
from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, SANDBOX_AUTH_TOKEN, SANDBOX_SENDER

Result = TypeVar("Result")
TODAY = date(2026, 3, 15)
CUT = b"<cut>"
PHONE = "+819012345678"
NOBODY = "http://127.0.0.1:1"  # a port on which nobody listens


def new_message(body: str = "hello", to: str = PHONE, sender: str = SANDBOX_SENDER, minutes: float = 10) -> Message:
    return Message(uuid4(), to=to, sender=sender, body=body, validity=timedelta(minutes=minutes))


def new_provider(url: str, **options: float) -> TwilioProvider:
    given = {"slots": 8, "connect_timeout": 1.0, "read_timeout": 2.0} | options
    return TwilioProvider(account_sid=SANDBOX_ACCOUNT_SID, auth_token=SANDBOX_AUTH_TOKEN, base_url=url, **given)


def http(body: bytes | str, status: str = "201 Created", headers: str = "", length: int | None = None) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    size = len(content) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + content


def created(**fields: object) -> bytes:
    return http(json.dumps({"sid": "SM1", "num_segments": "1", **fields}))


def submitted(provider: TwilioProvider, *messages: Message) -> list[Accepted]:
    async def all_of_them() -> list[Accepted]:
        return [await provider.submit(message) for message in messages]

    return closing(provider, all_of_them())


def form_of(request: bytes) -> dict[str, list[str]]:
    return parse_qs(request.partition(b"\r\n\r\n")[2].decode(), strict_parsing=True)


def receipts(provider: TwilioProvider, sender: str = SANDBOX_SENDER, day: date = TODAY) -> list[Sequence[Receipt]]:
    async def pages() -> list[Sequence[Receipt]]:
        return [page async for page in provider.list_receipts(sender=sender, day=day)]

    return closing(provider, pages())


def fetched(provider: TwilioProvider, sid: str) -> Receipt | None:
    return closing(provider, provider.fetch_receipt(sid))


def checked(provider: TwilioProvider) -> str:
    return closing(provider, provider.check())


def closing(provider: Provider, work: Coroutine[Any, Any, Result]) -> Result:
    async def and_close() -> Result:
        try:
            return await work
        finally:
            await provider.close()

    return asyncio.run(and_close())


class CannedServer(ThreadingTCPServer):
    """Answers each request with the next of its answers; `|` is a pause, CUT and None end the connection."""

    def __init__(self, answers: Sequence[bytes | None], pause: float) -> None:
        super().__init__(("127.0.0.1", 0), CannedHandler)
        self.requests: list[bytes] = []
        self.url = "http://{}:{}".format(*self.server_address)
        self.answers = list(answers)
        self.pause = pause
        self.stopping = Event()


class CannedHandler(StreamRequestHandler):
    server: CannedServer

    def handle(self) -> None:
        with suppress(ConnectionError):
            while self.server.answers and (request := self._read()):
                self.server.requests.append(request)
                answer = self.server.answers.pop(0)
                if answer is None:
                    return
                self._write(answer.removesuffix(CUT))
                if answer.endswith(CUT):
                    return

    def _read(self) -> bytes:
        head, length = b"", 0
        while line := self.rfile.readline():
            head += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                return head + self.rfile.read(length)
        return b""

    def _write(self, answer: bytes) -> None:
        chunks = answer.split(b"|") if self.server.pause else [answer]
        for chunk in chunks:
            self.wfile.write(chunk)
            self.wfile.flush()
            if self.server.pause:
                self.server.stopping.wait(self.server.pause)


@contextmanager
def canned(*answers: bytes | None, pause: float = 0) -> Iterator[CannedServer]:
    with CannedServer(answers, pause) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()

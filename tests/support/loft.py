"""The other side of the example of a provider that another package brings (tests/providers/example_plugin)."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

from support.wire import PHONE

from lumiere_sms.providers.registry import provider_class
from lumiere_sms.testing.contract import Behaviour

ANSWERS = {Behaviour.REJECTS: ("refused", "no-such-roof"), Behaviour.THROTTLES: ("later", "")}
ACCEPTS_NOTHING = {Behaviour.REJECTS, Behaviour.THROTTLES, Behaviour.CUTS_BEFORE_ACCEPTING}


class Loft(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.address = "{}:{}".format(*self.server_address)
        self.behaviour = Behaviour.ACCEPTS
        self.texts: list[dict[str, str]] = []
        self.numbers = count(1)
        self.over = Event()


class Keeper(StreamRequestHandler):
    server: Loft

    def handle(self) -> None:
        text = json.loads(self.rfile.readline())
        behaviour = self.server.behaviour
        if behaviour not in ACCEPTS_NOTHING:
            self.server.texts.append(text)
        with suppress(ConnectionError):
            self.wfile.write(self._answer(behaviour))

    def _answer(self, behaviour: Behaviour) -> bytes:
        match behaviour:
            case Behaviour.KEEPS_SILENT:
                self.server.over.wait(2)
                return b""
            case Behaviour.TALKS_RUBBISH | Behaviour.FAILS_AFTER_ACCEPTING:
                return b"coo\n"
            case Behaviour.CUTS_BEFORE_ACCEPTING | Behaviour.CUTS_AFTER_ACCEPTING:
                return b""
        verdict, about = ANSWERS.get(behaviour, ("taken", f"pigeon-{next(self.server.numbers)}"))
        return json.dumps({"verdict": verdict, "about": about}).encode() + b"\n"


class PigeonWorld:
    sender, phone, today = "ring-7", PHONE, date(2026, 3, 15)

    def __init__(self, loft: Loft) -> None:
        self._loft = loft
        self._address = loft.address

    def provider(self):
        return provider_class("pigeon")(self._address, patience=2.0)

    def behave(self, behaviour: Behaviour) -> None:
        self._loft.behaviour = behaviour
        if behaviour is Behaviour.REFUSES_CONNECTIONS:
            self._address = "127.0.0.1:1"

    @property
    def accepted(self) -> Sequence[str]:
        return [text["text"] for text in self._loft.texts]


@contextmanager
def open_loft() -> Iterator[Loft]:
    with Loft() as loft:
        thread = Thread(target=loft.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield loft
        finally:
            loft.over.set()
            loft.shutdown()
            thread.join()

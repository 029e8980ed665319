import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qsl

import pytest
from support.sandbox import SERVICE, post
from twilio.request_validator import RequestValidator

from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import SANDBOX_AUTH_TOKEN, TwilioServer


class Listener(ThreadingHTTPServer):
    def __init__(self, status: int = 204) -> None:
        super().__init__(("127.0.0.1", 0), Callback)
        self.status = status
        self.calls: Queue[tuple[dict[str, str], str]] = Queue()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/status?id=7"


class Callback(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.calls.put((dict(parse_qsl(body)), self.headers["X-Twilio-Signature"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


def test_status_callbacks_come_in_order_and_signed(server, listener):
    message = post(server, StatusCallback=listener.url)[1]
    calls = [listener.calls.get(timeout=5) for _ in range(3)]
    validator = RequestValidator(SANDBOX_AUTH_TOKEN)

    assert [form["MessageStatus"] for form, _ in calls] == ["sending", "sent", "delivered"]
    assert all(form["MessageSid"] == message["sid"] for form, _ in calls)
    assert all(validator.validate(listener.url, form, signature) for form, signature in calls)
    assert not validator.validate(listener.url, calls[0][0] | {"To": "+1"}, calls[0][1])
    assert "RawDlrDoneDate" in calls[2][0]


def test_a_failed_delivery_is_called_back_with_its_code_and_service(server, listener):
    server.behave(Faults(deliver_after=timedelta(0), fail_delivery=1, failure_codes=(30005,)))
    post(server, StatusCallback=listener.url, From=None, MessagingServiceSid=SERVICE)
    last = [listener.calls.get(timeout=5)[0] for _ in range(3)][-1]

    assert (last["MessageStatus"], last["ErrorCode"], last["MessagingServiceSid"]) == ("undelivered", "30005", SERVICE)


def test_a_callback_that_nobody_takes_is_let_be(server, listener):
    post(server, StatusCallback="http://127.0.0.1:1/nobody")
    post(server, StatusCallback=listener.url)

    assert listener.calls.get(timeout=5)[0]["MessageStatus"] == "sending"


def test_stopping_ends_callbacks_that_are_still_to_come(listener):
    with TwilioServer(Faults(deliver_after=timedelta(hours=1))) as server:
        post(server, StatusCallback=listener.url)

    assert listener.calls.empty()

"""A server that speaks Twilio's Messages API on this machine, for tests, CI and `demo`. No text leaves it.

    with TwilioServer(Faults(shares={Fault.CUT_AFTER: 0.05})) as server:
        ...  # LUMIERE_SMS_TWILIO_BASE_URL=server.url
        assert len(server.accepted) == 200

It runs in a thread of its own. Beside Twilio's paths it answers `GET /_log` with every accepted text as
JSON; `DELETE /_log` forgets them. `POST /_replies` with `from` and `body`, as JSON, is somebody who answers.
"""

import asyncio
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Self, assert_never

from aiohttp import ClientSession, web

from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.testing.local_server import LocalServer, cut
from lumiere_sms.testing.twilio_callbacks import call_back
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal, Step
from lumiere_sms.testing.twilio_lists import message_list
from lumiere_sms.testing.twilio_messages import AcceptedText, StoredText, TextStore, as_twilio_says
from lumiere_sms.testing.twilio_replies import API, StoredReply
from lumiere_sms.testing.twilio_rules import error_document, refusal_of

SANDBOX_ACCOUNT_SID = "AC" + "5a" * 16
SANDBOX_AUTH_TOKEN = "5e" * 16
SANDBOX_SENDER = "+15005550006"  # Twilio's own test number that is always accepted
PAGE = "<!doctype html><html><body><h1>Not what you expected</h1></body></html>"


class TwilioServer:
    """The stand-in. `url` is valid between `start` and `stop`; everything may be read from any thread."""

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        account_sid: str = SANDBOX_ACCOUNT_SID,
        auth_token: str = SANDBOX_AUTH_TOKEN,
        log: Path | None = None,
    ) -> None:
        """Take what to do; port 0 is any free one. `log` gets a line of JSON for each accepted text."""
        self.account_sid = account_sid
        self.auth_token = auth_token
        self._faults = faults or Faults()
        self._script = list(self._faults.script)
        self._clock = clock or SystemClock()
        self._store = TextStore(log)
        self._authorization = "Basic " + b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._lock = threading.Lock()
        self._request_count = 0
        self._list_count = 0
        self._callbacks: set[asyncio.Task[None]] = set()
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
    def accepted(self) -> tuple[AcceptedText, ...]:
        """Every accepted text, in order: the truth that a sender's own records are compared with."""
        return self._store.accepted()

    @property
    def request_count(self) -> int:
        """How many POSTs arrived, whatever became of them."""
        with self._lock:
            return self._request_count

    @property
    def list_count(self) -> int:
        """How many times the list was asked for."""
        with self._lock:
            return self._list_count

    def environment(self) -> dict[str, str]:
        """Return the variables that lead lumiere-sms here."""
        return {
            "LUMIERE_SMS_PROVIDER": "twilio",
            "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.auth_token,
            "LUMIERE_SMS_TWILIO_BASE_URL": self.url,
            "LUMIERE_SMS_TWILIO_FROM": SANDBOX_SENDER,
        }

    def reply(
        self, phone: str, body: str, *, to: str = SANDBOX_SENDER, service: str = "", at: datetime | None = None
    ) -> str:
        """Let somebody text one of our numbers, of a messaging service perhaps; return the message's id."""
        reply = StoredReply(f"SM{new_id().hex}", to, phone, body, at or self._clock.now(), service)
        self._store.add_reply(reply)
        return reply.sid

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

    async def _calling_back(self, _: web.Application) -> AsyncIterator[None]:
        async with ClientSession() as self._session:
            yield
            for task in self._callbacks:
                task.cancel()

    def _app(self) -> web.Application:
        app = web.Application()
        app.cleanup_ctx.append(self._calling_back)
        account = f"{API}/{{account_sid}}"
        app.add_routes(
            [
                web.post(f"{account}/Messages.json", self._signed_in(self._create)),
                web.get(f"{account}/Messages.json", self._signed_in(self._list)),
                web.get(f"{account}/Messages/{{sid}}.json", self._signed_in(self._fetch)),
                web.get(f"{account}.json", self._signed_in(self._fetch_account)),
                web.get("/_log", self._show_log),
                web.delete("/_log", self._clear_log),
                web.post("/_replies", self._take_reply),
                web.route("*", "/{path:.*}", self._not_found),
            ]
        )
        return app

    def _signed_in(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != self._authorization:
                return _refuse(Refusal(20003, 401))
            if request.match_info["account_sid"] != self.account_sid:
                return await self._not_found(request)
            answer = await handler(request)
            await asyncio.sleep(self._faults.latency.total_seconds())
            return answer

        return guarded

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        to = form.get("To", "")
        ordinal = self._store.count_request(to)
        step = self._next_step(to, ordinal)
        fault = step if isinstance(step, Fault) else None
        if fault and not fault.accepts:
            return await self._go_wrong(fault, request)
        sender = form.get("MessagingServiceSid") or form.get("From", "")
        stopped = Refusal(21610) if self._store.has_stopped(to, sender) else None
        if refusal := step if isinstance(step, Refusal) else refusal_of(form) or stopped:
            return _refuse(refusal, to, form.get("From", ""))
        text = self._accept(form, ordinal)
        if fault:
            return await self._go_wrong(fault, request)
        return web.json_response(as_twilio_says(text, text.at, account_sid=self.account_sid), status=201)

    def _next_step(self, to: str, ordinal: int) -> Step:
        with self._lock:
            self._request_count += 1
            return self._script.pop(0) if self._script else self._faults.draw(to, ordinal)

    def _accept(self, form: dict[str, str], ordinal: int) -> StoredText:
        text = StoredText(
            sid=f"SM{new_id().hex}",
            to=form["To"],
            sender=form.get("MessagingServiceSid") or form["From"],
            body=form["Body"],
            at=self._clock.now(),
            deliver_after=self._faults.deliver_after,
            failure_code=self._faults.failure_code(form["To"], ordinal),
            status_callback=form.get("StatusCallback", ""),
        )
        self._store.add(text)
        if text.status_callback:
            calling = call_back(self._session, text, account_sid=self.account_sid, auth_token=self.auth_token)
            task = asyncio.create_task(calling)
            self._callbacks.add(task)
            task.add_done_callback(self._callbacks.discard)
        return text

    async def _go_wrong(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        match fault:
            case Fault.THROTTLE:
                return _refuse(Refusal(20429, 429), headers={"Retry-After": str(self._faults.retry_after)})
            case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
                return _refuse(Refusal(20500, 500))
            case Fault.HTML_BEFORE | Fault.HTML_AFTER:
                return web.Response(text=PAGE, content_type="text/html", status=200 if fault.accepts else 403)
            case Fault.SILENCE_BEFORE | Fault.SILENCE_AFTER:
                await self._server.stopping.wait()
                return cut(request)
            case Fault.CUT_BEFORE | Fault.CUT_AFTER:
                return cut(request)
            case never:
                assert_never(never)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        now, faults = self._clock.now(), self._faults
        with self._lock:
            self._list_count += 1
            ordinal = self._list_count
        if faults.fails_list(ordinal):
            return _refuse(Refusal(20500, 500))
        try:
            page = message_list(self._store, request.query, now, account_sid=self.account_sid, lag=faults.lag)
        except ValueError:
            return _refuse(Refusal(20001))
        return web.json_response(page)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        text = self._store.get(request.match_info["sid"])
        if text is None:
            return await self._not_found(request)
        return web.json_response(as_twilio_says(text, self._clock.now(), account_sid=self.account_sid))

    async def _fetch_account(self, request: web.Request) -> web.StreamResponse:
        account = {"sid": self.account_sid, "friendly_name": "Sandbox", "status": "active", "type": "Full"}
        return web.json_response({**account, "uri": request.path})

    async def _show_log(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([asdict(text) for text in self.accepted])

    async def _clear_log(self, _: web.Request) -> web.StreamResponse:
        self._store.forget()
        return web.Response(status=204)

    async def _take_reply(self, request: web.Request) -> web.StreamResponse:
        try:
            said = {"to": SANDBOX_SENDER, **await request.json()}
            sid = self.reply(str(said["from"]), str(said["body"]), to=str(said["to"]))
        except (ValueError, TypeError, KeyError):
            return web.Response(status=400, text='send {"from": "+81…", "body": "…"}, and "to" if you like\n')
        return web.json_response({"sid": sid}, status=201)

    async def _not_found(self, request: web.Request) -> web.StreamResponse:
        return _refuse(Refusal(20404, 404), request.path)


def _refuse(refusal: Refusal, to: str = "", sender: str = "", headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(error_document(refusal, to, sender), status=refusal.status, headers=headers)

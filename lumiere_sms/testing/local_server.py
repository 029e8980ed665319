"""An aiohttp application that listens in a thread of its own, on this machine."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from aiohttp import web

from lumiere_sms.errors import ConfigurationError


class LocalServer:
    """`url` is valid between `start` and `stop`; `stopping` is set, in the server's loop, when it ends."""

    def __init__(self, app: Callable[[], web.Application], *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Take what makes the application; port 0 is any free one."""
        self.url = ""
        self.stopping: asyncio.Event
        self._new_app = app
        self._address = host, port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop

    def start(self) -> None:
        """Listen. Raises: ConfigurationError when the port is taken."""
        started: Future[str] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), daemon=True)
        self._thread.start()
        self.url = started.result()

    def stop(self) -> None:
        """Answer nobody any more and give the port back."""
        if self._thread:
            self._loop.call_soon_threadsafe(self.stopping.set)
            self._thread.join()
            self._thread = None

    async def _serve(self, started: "Future[str]") -> None:
        self._loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._new_app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self._address).start()
        except OSError as error:
            host, port = self._address
            started.set_exception(ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}"))
        else:
            started.set_result(_url_of(runner))
            await self.stopping.wait()
        await runner.cleanup()


def cut(request: web.Request) -> web.Response:
    """Reset the connection of a request; the response goes nowhere."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response(status=500)


def _url_of(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

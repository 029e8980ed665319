"""The failover proof: of two providers the first dies while it is texting, and the other takes over.

Both are Twilio stand-ins on this machine. The first is stopped after a part of the texts: from then on it refuses
connections, which is a definite failure. It is started again when the other has taken over, so that its records can
tell of the texts that were under way when it died. Then both logs are read: nobody twice, nobody lost.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from lumiere_sms.clock import SystemClock
from lumiere_sms.daemon import Runner
from lumiere_sms.database.connection import Database
from lumiere_sms.database.scratch import scratch_database
from lumiere_sms.providers.base import Provider
from lumiere_sms.providers.prices import Price, list_price
from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending.standings import OPEN, standing_of
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer
from lumiere_sms.verification.verdict import Verdict, judge
from lumiere_sms.verification.waves import Waves

FIRST, SECOND = "twilio", "twin"
LOOK = 0.01  # seconds
DIES_AFTER = 0.25  # of the texts
SLOTS = 16
LOOKS, LISTS_WITHIN = "1,2,4,8", 2.0  # seconds: these stand-ins list a text at once
QUICK, ENOUGH, BUSY = 5.0, 30.0, 5.0  # seconds to switch in at `BUSY` texts a second and more, and below

Progress = Callable[[int, int], None]


class TwinProvider(TwilioProvider):
    """Another company that speaks Twilio's language."""

    name = SECOND


@dataclass(frozen=True, slots=True)
class FailoverPlan:
    """How many texts, and how many parts a second."""

    texts: int = 300
    parts_per_second: float = 10.0


@dataclass(frozen=True, slots=True)
class FailoverProof:
    """What happened. `detected` and `switched` are seconds after the death of the first provider; None for never.

    `switched` is when the second took its first text; `first` and `second` how many each took in all.
    """

    plan: FailoverPlan
    first: int
    second: int
    detected: float | None
    switched: float | None
    verdict: Verdict

    @property
    def allowed(self) -> float:
        """How many seconds it may take."""
        return QUICK if self.plan.parts_per_second >= BUSY else ENOUGH

    @property
    def holds(self) -> bool:
        """Say whether the other took over in time, nobody got two texts and nobody was lost."""
        return self.switched is not None and self.switched < self.allowed and self.verdict.holds


@dataclass(slots=True)
class _Seen:
    detected: float | None = None
    switched: float | None = None


class _TwoProviders(Runtime):
    """The composition root with two providers that both speak Twilio's language."""

    def __init__(self, settings: Settings, *, second_url: str) -> None:
        super().__init__(settings)
        self._second_url = second_url

    def default_sender_of(self, provider: str) -> str:  # noqa: ARG002 - both have one sender
        return SANDBOX_SENDER

    def parts_per_second_of(self, provider: str) -> float:  # noqa: ARG002 - both have one pace
        return self.settings.parts_per_second

    def prices_of(self, provider: str, country: str) -> Price:  # noqa: ARG002 - both have one price list
        return list_price(FIRST, country)

    def provider(self, name: str = "") -> Provider:
        settings = self.settings
        kind = TwinProvider if name == SECOND else TwilioProvider
        return kind(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            base_url=self._second_url if name == SECOND else settings.twilio_base_url,
            slots=settings.slots,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )


def prove_failover(settings: Settings, plan: FailoverPlan, *, progress: Progress) -> FailoverProof:
    """Run the proof on a scratch database beside the one in use. Raises: ConfigurationError."""
    with (
        TemporaryDirectory(prefix="lumiere-sms-verify-") as folder,
        scratch_database(settings) as url,
        TwilioServer(port=_free_port()) as first,
        TwilioServer() as second,
    ):
        runtime = _TwoProviders(_settings(plan, Path(folder), url=url, server=first), second_url=second.url)
        Waves(runtime.database, texts=plan.texts, most=1, clock=SystemClock()).release(1)
        seen = asyncio.run(_run(runtime, plan, (first, second), progress=progress))
        verdict = judge(runtime.database, [*first.accepted, *second.accepted], texts=plan.texts)
        runtime.close()
        return FailoverProof(plan, len(first.accepted), len(second.accepted), seen.detected, seen.switched, verdict)


async def _run(
    runtime: Runtime, plan: FailoverPlan, servers: tuple[TwilioServer, TwilioServer], *, progress: Progress
) -> _Seen:
    """Send everything; meanwhile let the first provider die and look at what happens."""
    seen = _Seen()
    watching = asyncio.create_task(_watch(runtime.database, plan, servers, seen=seen, progress=progress))
    try:
        await Runner(runtime, seconds_between_polls=0.0).run(once=True)
    finally:
        watching.cancel()
    return seen


async def _watch(
    database: Database,
    plan: FailoverPlan,
    servers: tuple[TwilioServer, TwilioServer],
    *,
    seen: _Seen,
    progress: Progress,
) -> None:
    first, second = servers
    while len(first.accepted) < DIES_AFTER * plan.texts:  # noqa: ASYNC110 - the server lives in another thread
        await asyncio.sleep(LOOK)
    await asyncio.to_thread(first.stop)
    died = monotonic()
    while seen.detected is None or seen.switched is None:
        if seen.detected is None and await asyncio.to_thread(_is_left_alone, database):
            seen.detected = round(monotonic() - died, 2)
        if seen.switched is None and second.accepted:
            seen.switched = round(monotonic() - died, 2)
        await asyncio.sleep(LOOK)
    await asyncio.to_thread(first.start)
    while True:
        progress(len(first.accepted) + len(second.accepted), plan.texts)
        await asyncio.sleep(LOOK * 10)


def _is_left_alone(database: Database) -> bool:
    with database.transaction(read_only=True) as connection:
        return standing_of(connection, FIRST, now=None).state == OPEN


def _settings(plan: FailoverPlan, folder: Path, *, url: str, server: TwilioServer) -> Settings:
    return replace(
        Settings(data_dir=folder, database_url=url),
        provider=f"{FIRST},{SECOND}",
        twilio_account_sid=server.account_sid,
        twilio_auth_token=server.auth_token,
        twilio_base_url=server.url,
        twilio_from=SANDBOX_SENDER,
        parts_per_second=plan.parts_per_second,
        slots=SLOTS,
        reconcile_after=LOOKS,
        provider_lists_within=LISTS_WITHIN,
    )


def _free_port() -> int:
    """Return a port that nobody listens on, so that a server can come back where it was."""
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])

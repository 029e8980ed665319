"""The pace proof: several daemons send from one sender as fast as they may; then every window of time is looked at.

The daemons are real processes on a scratch database, the provider is the Twilio stand-in. What counts is when a text
was armed, by the database's clock: that is the last moment before the wire. A window of T seconds may hold the pace
times T, and once the burst or the largest text.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.clock import SystemClock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.scratch import scratch_database
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.providers.prices import list_price
from lumiere_sms.sending.pace import burst_for
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer
from lumiere_sms.verification.fleet import Fleet
from lumiere_sms.verification.waves import TOKYO, ZONE

LENGTHS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds
LONG = "and so on " * 20  # makes a text of two parts
EVERY = 5  # texts one is long
LOOK = 0.2  # seconds
PATIENCE = 60.0  # seconds beyond twice the time that the texts should take
SLOTS = 16

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PacePlan:
    """How many daemons send at which pace, in parts per second, for how many seconds, about."""

    daemons: int = 4
    parts_per_second: float = 20.0
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Window:
    """The fullest window of one length: how many parts it held and how many it may hold."""

    seconds: float
    parts: int
    allowed: float

    @property
    def holds(self) -> bool:
        """Say whether it kept to the pace."""
        return self.parts <= self.allowed


@dataclass(frozen=True, slots=True)
class PaceProof:
    """What left, by the database's clock: the worst window of each length, and the pace that was reached."""

    plan: PacePlan
    texts: int
    parts: int
    largest: int
    seconds: float
    windows: tuple[Window, ...]

    @property
    def reached(self) -> float:
        """How many parts left a second."""
        return self.parts / self.seconds if self.seconds else 0.0

    @property
    def holds(self) -> bool:
        """Say whether no window held more than its share."""
        return bool(self.windows) and all(window.holds for window in self.windows)


def prove_pace(settings: Settings, plan: PacePlan, *, progress: Progress) -> PaceProof:
    """Run the proof on a scratch database beside the one in use. Raises: ConfigurationError."""
    with (
        TemporaryDirectory(prefix="lumiere-sms-verify-") as folder,
        scratch_database(settings) as url,
        TwilioServer() as server,
    ):
        database = Database(url)
        texts = max(1, round(plan.parts_per_second * plan.seconds * EVERY / (EVERY + 1)))
        _launch(database, texts)
        fleet = Fleet(
            Path(folder),
            size=plan.daemons,
            settings=_settings(plan, folder, url=url, server=server),
            speed=1,
            since=SystemClock().now(),
            fates=(),
        )
        with fleet.running():
            _wait(database, plan, progress, texts=texts)
            fleet.drain()
        armed = _armed(database)
        database.close()
    return judge(plan, armed)


def judge(plan: PacePlan, armed: Sequence[tuple[datetime, int]]) -> PaceProof:
    """Find the fullest window of each length among texts, in the order they were armed, with their parts."""
    largest = max((parts for _, parts in armed), default=0)
    seconds = (armed[-1][0] - armed[0][0]).total_seconds() if armed else 0.0
    spare = max(burst_for(plan.parts_per_second), largest)
    windows = tuple(
        Window(length, fullest(armed, length), plan.parts_per_second * length + spare)
        for length in LENGTHS
        if length <= seconds
    )
    return PaceProof(plan, len(armed), sum(parts for _, parts in armed), largest, seconds, windows)


def fullest(armed: Sequence[tuple[datetime, int]], seconds: float) -> int:
    """Return how many parts the fullest window of a length holds.

    >>> from datetime import UTC, timedelta
    >>> noon = datetime(2026, 3, 15, 12, tzinfo=UTC)
    >>> fullest([(noon + timedelta(seconds=each), 1) for each in (0, 1, 1.5, 4)], 1.0)
    2
    """
    times = [at.timestamp() for at, _ in armed]
    before = [0, *accumulate(parts for _, parts in armed)]
    return max((before[bisect_right(times, at + seconds)] - before[i] for i, at in enumerate(times)), default=0)


def _launch(database: Database, texts: int) -> None:
    clock = SystemClock()
    far = clock.now() + TOKYO + timedelta(hours=12)
    values = {
        "message": "text {{ number }} {{ more }}",
        "quiet_hours": f"{far:%H:%M}-{far + timedelta(minutes=1):%H:%M}",
        "expires_after": "20h",
        "send_rate_per_minute": 100_000,
    }
    send_directly(
        database,
        find_tenant(database, "default"),
        definition=define_direct("pace", values, defaults_zone=ZONE),
        addressees=(
            Addressee(f"+8190{each:08d}", {"number": each, "more": "." if each % EVERY else LONG})
            for each in range(texts)
        ),
        clock=clock,
        prices=partial(list_price, "twilio"),
    )


def _settings(plan: PacePlan, folder: str, *, url: str, server: TwilioServer) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "TWILIO_ACCOUNT_SID": server.account_sid,
        "TWILIO_AUTH_TOKEN": server.auth_token,
        "LUMIERE_SMS_DATA_DIR": folder,
        "LUMIERE_SMS_TWILIO_BASE_URL": server.url,
        "LUMIERE_SMS_TWILIO_FROM": SANDBOX_SENDER,
        "LUMIERE_SMS_PARTS_PER_SECOND": str(plan.parts_per_second),
        "LUMIERE_SMS_SLOTS": str(SLOTS),
    }


def _wait(database: Database, plan: PacePlan, progress: Progress, *, texts: int) -> None:
    """Wait until all have left, or too long for it."""
    until = monotonic() + 2 * plan.seconds + PATIENCE
    while (left := len(_armed(database))) < texts and monotonic() < until:
        progress(left, texts)
        sleep(LOOK)
    progress(left, texts)


def _armed(database: Database) -> list[tuple[datetime, int]]:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(_ARMED).fetchall()
    return [(row["started_at"], row["parts"]) for row in rows]


_ARMED = """
    -- cross-tenant: a scratch database has one tenant
    SELECT started_at, parts FROM submissions ORDER BY started_at
"""

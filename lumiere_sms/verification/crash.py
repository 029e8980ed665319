"""The crash proof: daemons are killed, frozen and cut off while they text; then the provider's log is read.

The daemons are real processes on a scratch database, the provider is the Twilio stand-in, which cuts connections
before and after accepting, answers 500 after accepting, keeps silent, and lists what it has accepted late. Half of the
kills fall at any moment, half at each of the places where a protocol breaks (fates.py). The campaigns come in waves, so
that there is work until the last kill. Then the faults stop, and everybody has to be accounted for.

Time runs `speed` times as fast for everything that goes by a clock (leases, pace, reconciliation, the provider's
records); calls, deaths and freezes take what they take. At speed 1 the daemons go by the database's clock.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

import psycopg

from lumiere_sms.campaigns.recipients import LEASE
from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.scratch import scratch_database
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.settings import Settings
from lumiere_sms.testing.clocks import HurriedClock
from lumiere_sms.testing.twilio_faults import Fault, Faults
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer
from lumiere_sms.verification.fates import draw_fates
from lumiere_sms.verification.fleet import SHORT, Fleet
from lumiere_sms.verification.verdict import LIVE, Verdict, count_by_status, judge
from lumiere_sms.verification.waves import Waves

SHARES = {
    Fault.CUT_BEFORE: 0.03,
    Fault.CUT_AFTER: 0.03,
    Fault.ERROR_BEFORE: 0.01,
    Fault.ERROR_AFTER: 0.02,
    Fault.HTML_AFTER: 0.02,
    Fault.SILENCE_BEFORE: 0.005,
    Fault.SILENCE_AFTER: 0.005,
    Fault.THROTTLE: 0.02,
}
LATENCY = timedelta(milliseconds=80)
#: What the provider's records do wrong: beyond the first look, a text may still be missing; a look may fail.
LISTS: Mapping[str, Any] = MappingProxyType({"list_lag": timedelta(seconds=20), "late_lists": 0.5, "list_errors": 0.05})
PARTS_PER_SECOND = 80.0  # by the machine's clock
SLOTS = 16
CONNECT, READ = 0.5, 1.8  # seconds: a call ends before its lease, at ten times the speed too
CUT_EVERY = 1.5  # seconds from one connection to the database that is cut to the next, about
FREEZES_PER_KILL = 1 / 15
TWICE = 2  # leases that a frozen daemon sleeps
NO_MORE_NEWS = timedelta(minutes=7)  # a doubt that is not resolved in this time will not be
LONGEST_CALM = timedelta(hours=1)
CALM_LOOKS = 0.5  # seconds between looks while waiting for the end
TOLERATED = 10  # ends unbidden beside one a kill, as when a connection is cut while a daemon starts
OURS = "lumiere-sms-verify"

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CrashPlan:
    """How much of everything. `is_naive` sends what is unknown again at once, as is common: the proof must fail then.

    `keep` is a folder for the daemons' logs; the scratch database is kept with them.
    """

    texts: int = 3000
    kills: int = 200
    daemons: int = 3
    seed: int = 0
    speed: float = 10.0
    is_naive: bool = False
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class CrashProof:
    """What was done to the daemons, and what became of everybody.

    `ended` counts daemons that ended unbidden by exit code, `words` the last line of each log with a traceback.
    """

    plan: CrashPlan
    verdict: Verdict
    kills: dict[str, int]
    freezes: int
    cuts: int
    requests: int
    seconds: float
    ended: dict[str, int]
    words: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Say whether nobody got two texts and nobody was lost."""
        return self.verdict.holds


def prove_crash(settings: Settings, plan: CrashPlan, *, progress: Progress, say: Say) -> CrashProof:
    """Run the proof on a scratch database beside the one in use. Raises: ConfigurationError."""
    begun = monotonic()
    since = SystemClock().now()
    with _folder(plan.keep) as folder, scratch_database(settings, keep=plan.keep is not None) as url:
        if plan.keep:
            say(f"the scratch database and the daemons' logs stay: {url}, {folder}")
        clock = _clock(plan, since)
        with TwilioServer(_faults(plan), clock=clock) as server:
            run = _Run(plan, folder, url=url, server=server, clock=clock, since=since)
            with run.fleet.running():
                run.chaos(progress)
                say(f"killed, frozen and cut off enough; waiting until every doubt is resolved ({server.url})")
                run.calm(progress)
            return run.proof(seconds=monotonic() - begun)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with TemporaryDirectory(prefix="lumiere-sms-verify-") as folder:
        yield Path(folder)


def _clock(plan: CrashPlan, since: datetime) -> Clock:
    return SystemClock() if plan.speed == 1 else HurriedClock(plan.speed, since)


def _faults(plan: CrashPlan) -> Faults:
    return Faults(shares=SHARES, latency=LATENCY, seed=plan.seed, **LISTS)


def _settings(plan: CrashPlan, folder: Path, *, url: str, server: TwilioServer) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "TWILIO_ACCOUNT_SID": server.account_sid,
        "TWILIO_AUTH_TOKEN": server.auth_token,
        "LUMIERE_SMS_DATA_DIR": str(folder),
        "LUMIERE_SMS_TWILIO_BASE_URL": server.url,
        "LUMIERE_SMS_TWILIO_FROM": SANDBOX_SENDER,
        "LUMIERE_SMS_PARTS_PER_SECOND": str(PARTS_PER_SECOND / plan.speed),
        "LUMIERE_SMS_SLOTS": str(SLOTS),
        "LUMIERE_SMS_CONNECT_TIMEOUT": str(CONNECT),
        "LUMIERE_SMS_READ_TIMEOUT": str(READ),
        "LUMIERE_SMS_SECONDS_BETWEEN_LISTS": str(1 / plan.speed),
    }


class _Run:
    """One run of the proof: the fleet, the waves, and what else befalls the daemons."""

    def __init__(
        self, plan: CrashPlan, folder: Path, *, url: str, server: TwilioServer, clock: Clock, since: datetime
    ) -> None:
        self._plan = plan
        self._server = server
        self._chance = Random(plan.seed)  # noqa: S311 - repeatable on purpose
        self._database = Database(psycopg.conninfo.make_conninfo(url, application_name=OURS))
        self._waves = Waves(self._database, texts=plan.texts, most=max(1, plan.kills), clock=clock)
        self._cuts = 0
        self._next_cut = monotonic()
        settings = _settings(plan, folder, url=url, server=server)
        fates = draw_fates(plan.kills, self._chance)
        self.fleet = Fleet(folder, size=plan.daemons, settings=settings, speed=plan.speed, since=since, fates=fates)

    def chaos(self, progress: Progress) -> None:
        """Go on until everything that was planned has happened."""
        plan = self._plan
        while (done := self.fleet.kills.total()) < plan.kills:
            ahead = done + plan.daemons + 1
            self._waves.release(-(-self._waves.count * ahead // plan.kills))
            self.fleet.look()
            self._require_life()
            self._cut_off_somebody()
            if self.fleet.freezes < round(done * FREEZES_PER_KILL):
                self.fleet.freeze(self._chance, seconds=TWICE * LEASE.total_seconds() / plan.speed)
            self._be_naive()
            progress(done, plan.kills)
            sleep(SHORT)
        self._waves.release(self._waves.count)

    def calm(self, progress: Progress) -> None:
        """Let the faults stop; wait until nobody waits and every doubt is resolved, or none will be any more."""
        self._server.behave(Faults(latency=LATENCY, seed=self._plan.seed, **LISTS))
        news_at = begun = monotonic()
        before: dict[str, int] = {}
        while monotonic() - begun < self._seconds(LONGEST_CALM):
            self.fleet.look()
            self._be_naive()
            found = count_by_status(self._database)
            if found != before:
                news_at, before = monotonic(), found
            open_ones = sum(found.get(status, 0) for status in (*LIVE, "unknown"))
            progress(self._plan.texts - open_ones, self._plan.texts)
            if not open_ones or monotonic() - news_at > self._seconds(NO_MORE_NEWS):
                break
            sleep(CALM_LOOKS)
        self.fleet.drain()

    def proof(self, *, seconds: float) -> CrashProof:
        """Read the provider's log and the rows."""
        verdict = judge(self._database, self._server.accepted, texts=self._plan.texts)
        self._database.close()
        return CrashProof(
            plan=self._plan,
            verdict=verdict,
            kills=dict(self.fleet.kills),
            freezes=self.fleet.freezes,
            cuts=self._cuts,
            requests=self._server.request_count,
            seconds=round(seconds, 1),
            ended=dict(self.fleet.ended),
            words=tuple(self.fleet.last_words()),
        )

    def _seconds(self, of_the_proof: timedelta) -> float:
        """Return how long a time of the proof's clock takes."""
        return of_the_proof.total_seconds() / self._plan.speed

    def _require_life(self) -> None:
        """Check that daemons do not end by themselves, again and again. Raises: ConfigurationError."""
        if self.fleet.ended.total() > self._plan.kills + TOLERATED:
            words = self.fleet.last_words()
            raise ConfigurationError("the daemons end by themselves", hint=words[-1] if words else "look at --keep DIR")

    def _cut_off_somebody(self) -> None:
        """Cut a daemon's connection to the database now and then, one that is at work rather than one that rests."""
        if monotonic() < self._next_cut:
            return
        self._next_cut = monotonic() + self._chance.uniform(0, 2 * CUT_EVERY)
        with self._database.transaction() as connection:
            pids = [row["pid"] for row in connection.execute(_CONNECTIONS)]
            if pids:
                connection.execute("SELECT pg_terminate_backend(%s)", [self._chance.choice(pids)])
                self._cuts += 1

    def _be_naive(self) -> None:
        """Send what is unknown again at once, where the proof is to fail."""
        if self._plan.is_naive:
            with self._database.transaction() as connection:
                for row in connection.execute("SELECT id FROM users").fetchall():
                    connection.execute(_NAIVE, {"user_id": row["id"]})


_CONNECTIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'lumiere-sms' AND (state <> 'idle' OR random() < 0.3)
"""
_NAIVE = """
    UPDATE campaign_recipients SET status = 'pending', reason = NULL
    WHERE user_id = %(user_id)s AND status = 'unknown'
"""

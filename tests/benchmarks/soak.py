"""Send for a long time and watch what grows: memory, claim times, tables, indexes; then compare with the sandbox's log.

    python tests/benchmarks/soak.py [--minutes 60] [--rate 100] [--daemons 2] [--every 60] [--faults NAME=SHARE …]
                                    [--database URL] [--json FILE]

Real daemons (their statements timed from a subclass of their database), the sandbox as a process of its own, faults as
the reconciliation's one look a second can keep up with. Each line is one sample; the last ones say whether it was flat:
the last quarter of the samples against the second one (the first warms up), duplicates and losses from the sandbox's
log. Every figure goes to FILE as JSON.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from statistics import mean, quantiles
from tempfile import TemporaryDirectory
from threading import Lock, Thread, get_ident
from typing import Any

from measuring import CHECKOUT, environment
from server import default_tenant, open_server

sys.path.append(str(Path(__file__).parents[1]))
from support.seeds import seed_campaign, statuses

FAULTS = ("cut_before=0.0005", "cut_after=0.0005", "error_after=0.0005", "html_after=0.0003", "throttle=0.0001")
TIMED = ("claim", "arm", "settle")
TABLES = ("campaign_recipients", "submissions", "delivery_events", "campaign_occurrences", "pace_limits", "budgets")
WAVE = 10.0  # seconds whose texts are seeded at once
HEADROOM = 1.3  # of the pace over the rate, so that what a fault held up is made good
CALM = 420.0  # seconds that the end waits for doubts to be resolved
LIVE = {"pending", "claimed", "submitting"}
COLUMNS = ("min", "sent", "waiting", "unknown", "rss MiB", "fds", "claim p50", "p95", "arm p95", "settle p95", "dead %")


@dataclass(slots=True)
class Sample:
    """What was seen at one time. Times are in milliseconds, sizes in MiB, `dead` in rows of the queue's table."""

    minutes: float
    by_status: dict[str, int]
    rss: list[float]
    files: list[int]
    times: dict[str, list[float]]
    tables: dict[str, dict[str, float]]

    @property
    def sent(self) -> int:
        """How many the provider took."""
        return sum(self.by_status.get(status, 0) for status in ("sent", "delivered", "bounced"))

    def row(self) -> tuple[Any, ...]:
        """Return the cells of COLUMNS."""
        queue = self.tables["campaign_recipients"]
        cells = [self.times.get(name, [0.0, 0.0, 0.0, 0.0]) for name in TIMED]
        waiting = sum(self.by_status.get(status, 0) for status in LIVE)
        return (
            *(f"{self.minutes:.1f}", self.sent, waiting, self.by_status.get("unknown", 0)),
            *("+".join(f"{each:.0f}" for each in self.rss), "+".join(map(str, self.files))),
            *(f"{cells[0][0]:.1f}", f"{cells[0][1]:.1f}", f"{cells[1][1]:.1f}", f"{cells[2][1]:.1f}"),
            f"{100 * queue['dead'] / max(1, queue['dead'] + queue['live']):.1f}",
        )


@dataclass(slots=True)
class Soak:
    """The whole run, as it is written to a file."""

    minutes: float
    rate: float
    daemons: int
    faults: Sequence[str]
    samples: list[Sample] = field(default_factory=list)
    verdict: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Run, print each sample and the verdict; end with 1 where somebody got two texts or was lost."""
    options = _options()
    soak = Soak(options.minutes, options.rate, options.daemons, options.faults)
    with (
        open_server(options.database) as server,
        TemporaryDirectory(prefix="soak-") as name,
        _sandbox(Path(name), options.faults) as settings,
    ):
        database = server.new_database()
        daemons = _Daemons(Path(name), {**settings, "DATABASE_URL": database.url}, options)
        _say(_columns(COLUMNS))
        with daemons.running():
            _feed(database, soak, daemons, every=options.every)
            _calm(database, daemons)
            soak.samples.append(_sample(database, daemons, options.minutes))
        soak.verdict = {**_flatness(soak.samples), **_compare(database, Path(name) / "texts.jsonl"), **daemons.ends()}
        database.close()
    for what, value in soak.verdict.items():
        _say(f"{what:<34} {value}")
    if options.json:
        options.json.write_text(json.dumps(asdict(soak), indent=1), encoding="utf-8")
    sys.exit(1 if soak.verdict["duplicates"] or soak.verdict["lost"] else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long to feed texts (default: 60)")
    parser.add_argument("--rate", type=float, default=100, help="texts per second (default: 100)")
    parser.add_argument("--daemons", type=int, default=2, help="how many daemons (default: 2)")
    parser.add_argument("--every", type=float, default=60, help="seconds between samples (default: 60)")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), metavar="NAME=SHARE", help="as sandbox serve's")
    parser.add_argument("--database", default="", metavar="URL", help="a server; an embedded one where none is named")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    return parser.parse_args()


@contextmanager
def _sandbox(folder: Path, faults: Sequence[str]) -> Iterator[dict[str, str]]:
    """Start the stand-in and yield the settings that point to it."""
    command = [sys.executable, "-m", "lumiere_sms", "sandbox", "serve", "--port", "0", "--latency", "50ms"]
    command += ["--deliver-after", "2s", "--log", str(folder / "texts.jsonl")]
    command += [word for each in faults for word in ("--fault", each)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder) as process:
        assert process.stdout
        lines = [process.stdout.readline().strip().removeprefix("export ") for _ in range(4)]
        try:
            yield environment(**dict(line.split("=", 1) for line in lines))
        finally:
            process.terminate()


class _Daemons:
    """The daemons of a soak: started, looked at, drained."""

    def __init__(self, folder: Path, settings: dict[str, str], options: argparse.Namespace) -> None:
        self._folder = folder
        self._env = {
            **settings,
            "LUMIERE_SMS_PARTS_PER_SECOND": str(options.rate * HEADROOM),
            "LUMIERE_SMS_DATA_DIR": str(folder / "data"),
        }
        self._count = options.daemons
        self._processes: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        self._processes = [self._start(number) for number in range(self._count)]
        try:
            yield
        finally:
            for process in self._processes:
                process.send_signal(signal.SIGTERM)
            for process in self._processes:
                process.wait(60)

    def resident(self) -> list[float]:
        return [_resident_mib(each.pid) for each in self._processes]

    def open_files(self) -> list[int]:
        return [len(list(Path(f"/proc/{each.pid}/fd").iterdir())) for each in self._processes]

    def times(self) -> dict[str, list[float]]:
        """Return p50, p95, most and count of each statement since the last time, over all daemons."""
        found = defaultdict(list)
        for path in self._folder.glob("times*.jsonl"):
            taken = path.with_suffix(".taken")
            path.rename(taken)
            for line in taken.read_text(encoding="ascii").splitlines():
                name, milliseconds = json.loads(line)
                found[name].append(milliseconds)
        return {name: _spread(values) for name, values in found.items()}

    def require_alive(self) -> None:
        """Raises: SystemExit where a daemon has ended, with its last words."""
        for number, process in enumerate(self._processes):
            if process.poll() is not None:
                raise SystemExit(f"daemon {number} has ended:\n{self._log(number).read_text(encoding='utf-8')[-2000:]}")

    def ends(self) -> dict[str, Any]:
        logs = [path.read_text(encoding="utf-8") for path in sorted(self._folder.glob("daemon*.log"))]
        return {
            "daemons ended with": "+".join(str(each.returncode) for each in self._processes),
            "tracebacks in their logs": sum(log.count("Traceback") for log in logs),
        }

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        code = f"import soak; soak.daemon({str(self._folder / f'times{number}.jsonl')!r})"
        env = {**self._env, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), str(CHECKOUT)))}
        with self._log(number).open("wb") as log:
            return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=self._folder, stderr=log)

    def _log(self, number: int) -> Path:
        return self._folder / f"daemon{number}.log"


def daemon(path: str) -> None:
    """Run as `lumiere-sms run` does, and write how long each statement took to a file that may be taken away."""
    from lumiere_sms import logs  # noqa: PLC0415 - the process of a daemon imports what it needs
    from lumiere_sms.daemon import run_until_done  # noqa: PLC0415
    from lumiere_sms.database.connection import Database  # noqa: PLC0415
    from lumiere_sms.database.sql import statement  # noqa: PLC0415
    from lumiere_sms.runtime import Runtime  # noqa: PLC0415
    from lumiere_sms.settings import Settings  # noqa: PLC0415
    from lumiere_sms.verification.watching import WatchedDatabase  # noqa: PLC0415

    class TimedRuntime(Runtime):
        @cached_property
        def server(self) -> Database:
            names = {statement("lumiere_sms.campaigns", name): name for name in TIMED}
            return WatchedDatabase(self.settings.database_url, names=names, tell=_Times(Path(path)).tell)

    logs.set_up()
    run_until_done(TimedRuntime(Settings.read()), once=False)


class _Times:
    """Takes the times of statements, each in the thread that executes it, and writes them once a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun: dict[int, float] = {}
        self._taken: list[tuple[str, float]] = []
        self._lock = Lock()
        Thread(target=self._write, daemon=True).start()

    def tell(self, name: str, stage: str) -> None:
        thread = get_ident()
        if stage == "before":
            self._begun[thread] = time.perf_counter()
        elif stage == "executed":
            with self._lock:
                self._taken.append((name, 1000 * (time.perf_counter() - self._begun[thread])))

    def _write(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                taken, self._taken = self._taken, []
            with self._path.open("a", encoding="ascii") as file:
                file.writelines(json.dumps(each) + "\n" for each in taken)


def _feed(database: Any, soak: Soak, daemons: _Daemons, *, every: float) -> None:
    """Seed the texts of the next seconds, again and again, and take a sample now and then."""
    tenant, begun, sampled, wave = default_tenant(database), time.monotonic(), 0.0, 0
    while (passed := time.monotonic() - begun) < soak.minutes * 60:
        if passed >= wave * WAVE:
            _seed(database, tenant, wave, round(soak.rate * WAVE))
            wave += 1
        if passed - sampled >= every:
            sampled = passed
            daemons.require_alive()
            soak.samples.append(_sample(database, daemons, passed / 60))
        time.sleep(0.1)


def _seed(database: Any, tenant: Any, wave: int, texts: int) -> None:
    now = datetime.now(UTC)
    zone = f"Etc/GMT{now.hour - 12:+d}"  # about noon where the people are; signs are reversed in these names
    seed_campaign(
        *(database, tenant),
        now=now,
        texts=texts,
        name=f"wave {wave}",
        first=wave * texts,
        zone=zone,
        timezone=zone,
        batch_size=1_000,
    )


def _sample(database: Any, daemons: _Daemons, minutes: float) -> Sample:
    by_status = statuses(database, default_tenant(database))
    tables = _sizes(database)
    sample = Sample(minutes, by_status, daemons.resident(), daemons.open_files(), daemons.times(), tables)
    _say(_columns(sample.row()))
    return sample


def _sizes(database: Any) -> dict[str, dict[str, float]]:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(
            "SELECT relname AS name, n_live_tup AS live, n_dead_tup AS dead, autovacuum_count AS vacuums,"
            " pg_relation_size(relid) / 1048576.0 AS heap_mib, pg_indexes_size(relid) / 1048576.0 AS index_mib"
            " FROM pg_stat_user_tables WHERE relname = ANY (%s)",
            [list(TABLES)],
        ).fetchall()
    return {row.pop("name"): {what: float(value) for what, value in row.items()} for row in rows}


def _calm(database: Any, daemons: _Daemons) -> None:
    """Wait until nobody waits and no doubt is left, or no longer."""
    deadline = time.monotonic() + CALM
    while time.monotonic() < deadline:
        found = statuses(database, default_tenant(database))
        if not found.keys() & (LIVE | {"unknown"}):
            return
        daemons.require_alive()
        time.sleep(1)


def _flatness(samples: Sequence[Sample]) -> dict[str, Any]:
    """Compare the last quarter with the second one."""
    fed = samples[:-1] or samples
    quarter = max(1, len(fed) // 4)
    early, late = fed[quarter : 2 * quarter] or fed[:1], fed[-quarter:]

    def told(what: Any, unit: str = "") -> str:
        before, after = mean(map(what, early)), mean(map(what, late))
        return f"{before:.1f} → {after:.1f}{unit} (× {after / before if before else 1:.2f})"

    def per_text(sample: Sample) -> float:
        queue = sample.tables["campaign_recipients"]
        return 1024 * 1024 * (queue["heap_mib"] + queue["index_mib"]) / max(1, sum(sample.by_status.values()))

    return {
        "memory of a daemon": told(lambda sample: mean(sample.rss), " MiB"),
        "claim p50": told(lambda sample: sample.times.get("claim", [0])[0], " ms"),
        "claim p95": told(lambda sample: sample.times.get("claim", [0, 0])[1], " ms"),
        "arm p95": told(lambda sample: sample.times.get("arm", [0, 0])[1], " ms"),
        "settle p95": told(lambda sample: sample.times.get("settle", [0, 0])[1], " ms"),
        "queue, bytes per recipient": told(per_text),
        "dead rows of the queue": told(lambda sample: sample.tables["campaign_recipients"]["dead"]),
    }


def _compare(database: Any, log: Path) -> dict[str, Any]:
    """Compare the rows with what the sandbox accepted."""
    accepted = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    counted = Counter((each["phone"], each["body"]) for each in accepted)
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT phone_number, personalized_content, status FROM campaign_recipients WHERE status <> 'unknown'"
        ).fetchall()
    lost = sum((row["phone_number"], row["personalized_content"]) not in counted for row in rows)
    by_status = statuses(database, default_tenant(database))
    duplicates = sum(count - 1 for count in counted.values())
    return {"texts": sum(by_status.values()), **by_status, "duplicates": duplicates, "lost": lost}


def _spread(values: list[float]) -> list[float]:
    if len(values) == 1:
        return [values[0], values[0], values[0], 1]
    cuts = quantiles(values, n=20, method="inclusive")
    return [round(cuts[9], 2), round(cuts[18], 2), round(max(values), 2), len(values)]


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0) / 1024


def _columns(cells: Sequence[Any]) -> str:
    return " ".join(f"{cell!s:>10}" for cell in cells)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

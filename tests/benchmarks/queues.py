"""Queues: sending against what people build first, a task per text.

The same texts to the same stand-in from the same PostgreSQL, with Celery on Redis and with procrastinate. A
task looks its text up, sends it with the stock SDK and records it: three round trips a text, where the engine
makes three for a hundred. Neither keeps a text from being sent twice when a worker dies in between. All are
measured while they are at work, by the wall and by CPU-seconds: the workers', Redis' and the database's.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from measuring import HERE, Figure, Goal, environment, run_side, turns
from people import one
from provider import open_provider
from sending import engine_run, seed
from server import Server, family_cpu_seconds

from lumiere_sms.database.connection import Database

ROWS = 20_000
FEWER = 10  # times as many texts go through the engine, so that all take about as long
INSTALL = "the queues benchmark needs: pip install 'celery[redis]' procrastinate; apt-get install redis-server"
CELERY, PROCRASTINATE = Goal("≥ 15 × Celery", at_least=15), Goal("≥ 12 × procrastinate", at_least=12)
WORKERS = 2  # processes of Celery: one a core
_TEXTS = """
    CREATE TABLE texts (
        number integer PRIMARY KEY, phone_number text NOT NULL, body text NOT NULL,
        status text NOT NULL DEFAULT 'queued', provider_message_id text, sent_at timestamptz);
    INSERT INTO texts (number, phone_number, body)
    SELECT number, '+8190' || lpad(number::text, 8, '0'), 'text ' || number || ' of spring'
    FROM generate_series(1, %s) AS number
"""


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Send `rows` texts (20,000 unless told) in turns with a tenth of them through each queue."""
    if find_spec("celery") is None or find_spec("procrastinate") is None or shutil.which("redis-server") is None:
        sys.stderr.write(f"{INSTALL}\n")
        return
    texts = rows or ROWS
    seeded = server.new_database()
    seed(seeded, texts)
    with open_provider() as url, _open_redis() as (broker, redis):
        found = turns(
            runs,
            lambda: engine_run(server, seeded, url),
            lambda: _by_celery(server, url, texts // FEWER, broker=broker, redis=redis),
            lambda: _by_procrastinate(server, url, texts // FEWER),
        )
    server.drop(seeded)
    engines, celeries, procrastinates = zip(*found, strict=True)
    for name, sides, goal in (("Celery", celeries, CELERY), ("procrastinate", procrastinates, PROCRASTINATE)):
        yield Figure("queues", f"against {name}", "texts/s", _rates(engines), _rates(sides), name, goal)
        yield Figure(
            "queues", f"against {name}", "texts/CPU-s", _per_cpu_second(engines), _per_cpu_second(sides), name, goal
        )


def _rates(sides: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    return tuple(side["texts"] / side.get("wire_seconds", side["seconds"]) for side in sides)


def _per_cpu_second(sides: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    return tuple(side["texts"] / (side["cpu_seconds"] + side["database_cpu_seconds"]) for side in sides)


def _by_celery(server: Server, url: str, texts: int, *, broker: str, redis: int) -> dict[str, Any]:
    database = _new_texts(server, texts)
    env = environment(DATABASE_URL=database.url, BROKER_URL=broker, PROVIDER_URL=url, PYTHONPATH=str(HERE))
    run_side("queue_celery", "enqueue", str(texts), env=env)
    options = ["--pool=prefork", f"--concurrency={WORKERS}", "--loglevel=ERROR"]
    command = [sys.executable, "-m", "celery", "--app=queue_celery", "worker", *options]
    return _measured(server, database, command, env, texts=texts, redis=redis)


def _by_procrastinate(server: Server, url: str, texts: int) -> dict[str, Any]:
    database = _new_texts(server, texts)
    env = environment(DATABASE_URL=database.url, PROVIDER_URL=url)
    run_side("queue_procrastinate", "enqueue", str(texts), env=env)
    command = [sys.executable, str(HERE / "side.py"), "queue_procrastinate", "work"]
    return _measured(server, database, command, env, texts=texts)


def _new_texts(server: Server, texts: int) -> Database:
    database = server.new_database()
    with database.transaction() as connection:
        for statement in (_TEXTS % texts).split(";"):
            connection.execute(statement)
    return database


def _measured(
    server: Server, database: Database, command: list[str], env: dict[str, str], *, texts: int, redis: int = 0
) -> dict[str, Any]:
    """Run a worker until all is sent; what it takes counts from the moment it is seen at work."""
    with TemporaryDirectory(prefix="benchmark-worker-") as folder:  # a worker may write there
        worker = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = _wait_for(database, worker, 1)
        begun, cpu, database_cpu = monotonic(), _cpu_seconds(worker.pid, redis), server.cpu_seconds()
        sent = _wait_for(database, worker, texts) - before
        found = {
            "texts": sent,
            "seconds": monotonic() - begun,
            "cpu_seconds": _cpu_seconds(worker.pid, redis) - cpu,
            "database_cpu_seconds": server.cpu_seconds() - database_cpu,
        }
        worker.terminate()
        worker.wait()
    server.drop(database)
    return found


def _cpu_seconds(worker: int, redis: int) -> float:
    return family_cpu_seconds(worker) + (family_cpu_seconds(redis) if redis else 0.0)


def _wait_for(database: Database, worker: "subprocess.Popen[bytes]", texts: int) -> int:
    """Wait until so many texts are sent, and return how many are."""
    while (sent := one(database, "SELECT count(*) AS sent FROM texts WHERE status = 'sent'")["sent"]) < texts:
        if worker.poll() is not None:
            raise SystemExit(f"{worker.args!r} ended with {worker.returncode} after {sent} texts")
        sleep(0.05)
    return int(sent)


@contextmanager
def _open_redis() -> Iterator[tuple[str, int]]:
    """Start a Redis that writes nothing to disk; give its address for Celery, and its process id."""
    with TemporaryDirectory(prefix="benchmark-redis-") as folder:
        socket = Path(folder) / "socket"
        command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not socket.exists():
                sleep(0.02)
            yield f"redis+socket://{socket}", process.pid
        finally:
            process.terminate()
            process.wait()

"""The PostgreSQL that comes with the tool: made when first asked for, found again by everyone after.

It listens on a unix socket only and lets in by the kernel's word (peer). It outlives the process that
started it. No process id is ever trusted: `start.lock` is held around starting, and `server.lock` by
the server itself, so that a free lock proves that a `postmaster.pid` is stale.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from errno import EDQUOT, ENOSPC
from pathlib import Path
from signal import SIGINT

import psycopg

from lumiere_sms.database import locks, postmaster
from lumiere_sms.database.account import Account, linked_folder, server_account
from lumiere_sms.database.postmaster import PORT, ROLE, Layout, socket_folder
from lumiere_sms.database.programs import Programs, copy_of, find_server
from lumiere_sms.errors import ConfigurationError

NAME = "lumiere_sms"
PLATFORMS = ("linux", "darwin")


class Answer(StrEnum):
    """What a server says when asked."""

    READY = "ready"
    STARTING = "starting"  # or recovering, or shutting down: it will say something else in a while
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What is known of the embedded server. `version` is the major of its data, empty where there is none."""

    running: bool
    version: str
    folder: Path
    socket: Path
    log: Path | None
    account: str


class Cluster:
    """An embedded server, whole in `data_dir`/postgres. Two folders never meet."""

    def __init__(
        self, data_dir: Path, *, pg_bin: str = "", account: str = "", durable: bool = True, patience: float = 60.0
    ) -> None:
        """Take the folder; `durable=False` (tests) lets a power cut lose data; `patience` is in seconds.

        `pg_bin` names the folder of PostgreSQL's programs, `account` who runs it when we are root.
        """
        self.folder = data_dir.expanduser().absolute() / "postgres"
        self._pg_bin = pg_bin
        self._wanted_account = account
        self._durable = durable
        self._patience = patience

    def ensure(self) -> str:
        """Return where the running server's database is, as a libpq string; make and start what is missing.

        Raises: ConfigurationError when that is not possible here.
        """
        require_platform()
        with _clear_errors(self.folder):
            if self._ask() is not Answer.READY:
                self._make_folder()
                with locks.hold(self.folder / "start.lock"):
                    self._bring_up()
            return self.url

    def revive(self) -> None:
        """Bring the server back to life when it has died."""
        self.ensure()

    def stop(self) -> bool:
        """Stop the server and wait for its end; return whether one was running.

        Raises: ConfigurationError when it does not end.
        """
        with _clear_errors(self.folder):
            if not self.folder.is_dir():
                return False
            with locks.hold(self.folder / "start.lock"):
                if not self.running:
                    return False
                os.kill(self._pid(), SIGINT)  # fast: clients are disconnected, what is committed is kept
                return self._wait_for_the_end()

    @property
    def running(self) -> bool:
        """Whether any process of the server lives."""
        return locks.is_held(self.folder / "server.lock")

    @property
    def url(self) -> str:
        """The libpq string of the database; it changes nothing."""
        return self._url(NAME)

    def status(self) -> ClusterStatus:
        """Tell what there is; changes nothing."""
        with _clear_errors(self.folder):
            data = self._data_folder()
            return ClusterStatus(
                running=self.running,
                version=data.name.removeprefix("pg") if data else "",
                folder=self.folder,
                socket=socket_folder(self.folder / "run"),
                log=data / "server.log" if data else None,
                account=data.owner() if data else "",
            )

    def _url(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(socket_folder(self.folder / "run")), port=PORT, user=ROLE, dbname=database
        )

    def _ask(self) -> Answer:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            return self._understand(str(error))
        return Answer.READY

    def _understand(self, said: str) -> Answer:
        if f'database "{NAME}" does not exist' in said:
            return self._create_database()
        if any(words in said for words in ("starting up", "shutting down", "recovery mode", "not yet accepting")):
            return Answer.STARTING
        if "Peer authentication failed" in said or "no entry" in said:
            raise ConfigurationError(
                f"the embedded server in {self.folder} does not let this account in",
                hint="run the command as the account that made it, or set LUMIERE_SMS_DATA_DIR to another folder",
            )
        return Answer.READY if "too many clients" in said else Answer.NOTHING

    def _create_database(self) -> Answer:
        earlier = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)  # another process was
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection, suppress(*earlier):
            connection.execute("CREATE DATABASE lumiere_sms TEMPLATE template0")
        return Answer.READY

    def _make_folder(self) -> None:
        """Make the folder where it is absent, traversable where another account is to run the server in it."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _bring_up(self) -> None:
        """Get an answer: from whoever lives already, else from a server that is started. `start.lock` is held."""
        lock = self._lock_or_answer()
        if lock is None:
            return
        try:
            self._start(lock)
        finally:
            os.close(lock)
        self._wait_for_answer()

    def _lock_or_answer(self) -> int | None:
        """Return the server's lock, or None as soon as a living server answers."""
        deadline = self._deadline()
        while (answer := self._ask()) is not Answer.READY:
            if (lock := locks.try_lock(self.folder / "server.lock")) is not None:
                return lock
            deadline = self._pause(deadline, answer)
        return None

    def _wait_for_answer(self) -> None:
        deadline = self._deadline()
        while (answer := self._ask()) is not Answer.READY:
            if not self.running:
                raise ConfigurationError(
                    f"PostgreSQL ended while it started in {self.folder}", hint=f"see {self.status().log}"
                )
            deadline = self._pause(deadline, answer)

    def _deadline(self) -> float:
        return time.monotonic() + self._patience

    def _pause(self, deadline: float, answer: Answer) -> float:
        """Wait a moment and return the deadline: a server that is starting gets all the time it needs."""
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"the embedded server in {self.folder} runs but does not answer",
                hint="lumiere-sms db stop, then the command again",
            )
        time.sleep(0.05)
        return self._deadline() if answer is Answer.STARTING else deadline

    def _start(self, lock: int) -> None:
        programs = find_server(self._pg_bin)
        layout = Layout(self.folder, programs.major)
        postmaster.refuse_other_major(layout)
        owner = layout.data.stat().st_uid if layout.data.exists() else None
        account = server_account(self._wanted_account, owner=owner)
        with account.reach(self.folder) as reach:
            runnable = self._runnable(programs, account, walkable=not reach.descriptors)
            if account.borrowed:
                _say(
                    f'PostgreSQL {programs.version} runs as "{account.name}", since root may not; data in {self.folder}'
                )
            postmaster.make_data(layout, runnable, account=account, reach=reach)
            postmaster.start(layout, runnable, account=account, reach=reach, lock=lock, durable=self._durable)

    def _runnable(self, programs: Programs, account: Account, *, walkable: bool) -> Programs:
        """Return programs that the account can run: these, or a copy beside the data (elsewhere if not `walkable`)."""
        if account.can_run(programs.path("postgres")):
            return programs
        place = self.folder if walkable else linked_folder(self.folder / "programs", replace(account, uid=0, gid=0))
        place.chmod(0o711)
        copy = copy_of(programs, place)
        if account.can_run(copy.path("postgres")):
            return copy
        raise ConfigurationError(
            f'the account "{account.name}" can run PostgreSQL neither in {programs.folder} nor in {place}',
            hint="name a folder it can enter in LUMIERE_SMS_DATA_DIR (/var/lib/lumiere-sms)",
        )

    def _data_folder(self) -> Path | None:
        folders = (path for path in self.folder.glob("pg[0-9]*") if path.is_dir())
        return max(folders, key=lambda path: path.stat().st_mtime, default=None)

    def _pid(self) -> int:
        for file in self.folder.glob("pg[0-9]*/postmaster.pid"):
            return int(file.read_text(encoding="utf-8").splitlines()[0])
        raise ConfigurationError(
            f"the server in {self.folder} has lost its postmaster and is about to end", hint="try again in a minute"
        )

    def _wait_for_the_end(self) -> bool:
        deadline = self._deadline()
        while self.running:
            deadline = self._pause(deadline, Answer.NOTHING)
        return True


def require_platform(platform: str = sys.platform) -> None:
    """Check that an embedded server is possible here. Raises: ConfigurationError naming DATABASE_URL."""
    if platform not in PLATFORMS:
        raise ConfigurationError(
            f"there is no embedded PostgreSQL for {platform}",
            hint="name a PostgreSQL server in DATABASE_URL (postgresql://user:password@host/database)",
        )


@contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    """Say what the system refused, and where. Raises: ConfigurationError."""
    try:
        yield
    except OSError as error:
        full = error.errno in {ENOSPC, EDQUOT}
        raise ConfigurationError(
            f"the embedded server cannot use {error.filename or folder}: {error.strerror}",
            hint="make room on that disk" if full else "name a folder that you may write to in LUMIERE_SMS_DATA_DIR",
        ) from error


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")

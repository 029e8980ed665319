"""A PostgreSQL of the test's own, which it may kill, stop and close."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster


class Server:
    """A server with the schema in it, and what may happen to it."""

    def __init__(self, folder: Path) -> None:
        self._cluster = Cluster(folder, patience=30.0)
        self.url = self._cluster.ensure()
        self.database = Database(self.url, revive=self._cluster.revive)
        schema.upgrade(self.database)

    def hit(self, number: int) -> None:
        """SIGKILL: as if killed for memory; SIGQUIT: `pg_ctl stop -m immediate`; both leave the log to be recovered."""
        os.kill(self._pid(), number)

    def stop(self) -> None:
        self._cluster.stop()

    def take_no_writes(self, *, no_writes: bool) -> None:
        """As a standby does, or a primary whose disk runs full: every connection is cut and may read from then on."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            value = "on" if no_writes else "off"
            connection.execute(f"ALTER DATABASE lumiere_sms SET default_transaction_read_only = {value}")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def freeze(self, number: int = signal.SIGSTOP) -> None:
        """Stop every process of the server, as a machine that hangs: what is asked of it is never answered."""
        parent = self._pid()
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
        for pid in (parent, *map(int, children)):
            os.kill(pid, number)

    def thaw(self) -> None:
        self.freeze(signal.SIGCONT)

    def _pid(self) -> int:
        return int(next(self._cluster.folder.glob("pg[0-9]*/postmaster.pid")).read_text().split()[0])


@pytest.fixture
def server(public_dir: Path) -> Iterator[Server]:
    made = Server(public_dir)
    yield made
    made.database.close()
    made.stop()

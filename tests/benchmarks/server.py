"""A PostgreSQL for the benchmarks: the embedded one as the tool starts it, durable, or one that is named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import psycopg

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.tenants import find_tenant


class Server:
    """Makes databases, each a copy of another, and drops them all at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._names: list[str] = []

    def new_database(self, *, like: Database | None = None) -> Database:
        """Make a database with our schema, or a copy of one to which nobody is connected."""
        name = f"benchmark_{uuid4().hex[:12]}"
        template = "template0" if like is None else psycopg.conninfo.conninfo_to_dict(like.url)["dbname"]
        self._on_server(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        self._names.append(name)
        database = Database(psycopg.conninfo.make_conninfo(self.url, dbname=name))
        if like is None:
            schema.upgrade(database)
            database.close()
        return database

    def drop(self, database: Database) -> None:
        """Drop a database made here."""
        database.close()
        name = str(psycopg.conninfo.conninfo_to_dict(database.url)["dbname"])
        self._on_server(f"DROP DATABASE {name} WITH (FORCE)")
        self._names.remove(name)

    def drop_all(self) -> None:
        """Drop what is left."""
        for name in list(self._names):
            self._on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server and all its processes so far; 0 where it runs on another machine."""
        with psycopg.connect(self.url) as connection, suppress(OSError):
            return family_cpu_seconds(_times(connection.info.backend_pid)[0])
        return 0.0

    def _on_server(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql)


@contextmanager
def open_server(url: str = "") -> Iterator[Server]:
    """Give the server at `url`, or an embedded one in a temporary folder, durable as the tool's own."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        Path(folder).chmod(0o711)  # the account that runs PostgreSQL for root has to pass
        cluster = None if url else Cluster(Path(folder))
        server = Server(url or (cluster.ensure() if cluster else ""))
        try:
            yield server
        finally:
            server.drop_all()
            if cluster:
                cluster.stop()


def default_tenant(database: Database) -> UUID:
    """Return the key of the tenant that every database has."""
    return find_tenant(database, "default").id


def family_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its living children and those it has buried."""
    children = [times for times in map(_times_or_none, Path("/proc").glob("[0-9]*")) if times and times[0] == pid]
    ticks = sum(_times(pid)[1:]) + sum(own for _, own, _ in children)
    return ticks / os.sysconf("SC_CLK_TCK")


def _times_or_none(folder: Path) -> tuple[int, int, int] | None:
    try:
        return _times(int(folder.name))
    except OSError:
        return None  # it ended meanwhile


def _times(pid: int) -> tuple[int, int, int]:
    """Return a process's parent, its own ticks and those of its buried children."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(stat[1]), int(stat[11]) + int(stat[12]), int(stat[13]) + int(stat[14])

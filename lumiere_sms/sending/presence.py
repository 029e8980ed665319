"""Which daemons are alive: a row each, local to one database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumiere_sms.database.connection import Database


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon as the others see it."""

    id: UUID
    host: str
    pid: int
    version: str


def beat(
    database: Database, daemon: Daemon, *, texts: int, texts_per_second: float = 0.0, now: datetime | None
) -> None:
    """Say that a daemon is alive, how many texts it has submitted since it started, and how many a second lately."""
    binds = {
        "id": daemon.id,
        "host": daemon.host,
        "pid": daemon.pid,
        "version": daemon.version,
        "texts": texts,
        "texts_per_second": texts_per_second,
        "now": now,
    }
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO daemons (id, host, pid, version, texts, texts_per_second, started_at, seen_at)"
            " VALUES (%(id)s, %(host)s, %(pid)s, %(version)s, %(texts)s, %(texts_per_second)s,"
            " coalesce(%(now)s::timestamptz, now()), coalesce(%(now)s::timestamptz, now()))"
            " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, texts = excluded.texts,"
            " texts_per_second = excluded.texts_per_second",
            binds,
        )


def leave(database: Database, daemon: Daemon, *, now: datetime | None) -> None:
    """Say that a daemon has stopped, and forget those that stopped or fell silent a week ago."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE daemons SET stopped_at = coalesce(%(now)s::timestamptz, now()) WHERE id = %(id)s",
            {"id": daemon.id, "now": now},
        )
        connection.execute(
            "DELETE FROM daemons WHERE seen_at < coalesce(%(now)s::timestamptz, now()) - interval '7 days'",
            {"now": now},
        )

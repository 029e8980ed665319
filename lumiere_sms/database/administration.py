"""Which server is in use, what is known of it, and its start and end."""

from dataclasses import dataclass
from pathlib import Path

from lumiere_sms.database import schema
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.settings import Settings


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What is known of the database. `server` is embedded or external; `schema` is None where there is no answer."""

    server: str
    running: bool
    postgresql: str
    place: str
    schema: str | None
    needed_schema: str
    size: int | None
    log: Path | None
    account: str


def cluster_of(settings: Settings) -> Cluster | None:
    """Return the embedded server; None where DATABASE_URL names another."""
    if settings.database_url:
        return None
    return Cluster(settings.data_dir, pg_bin=settings.pg_bin, account=settings.postgres_user)


def inspect(settings: Settings) -> DatabaseStatus:
    """Tell what is known of the database; starts nothing. Raises: ConfigurationError when DATABASE_URL fails."""
    cluster = cluster_of(settings)
    if cluster is None:
        return _asked(Database(settings.database_url), server="external")
    known = cluster.status()
    if known.running:
        return _asked(Database(cluster.url), server="embedded", log=known.log, account=known.account)
    return DatabaseStatus(
        server="embedded",
        running=False,
        postgresql=known.version,
        place=str(known.folder),
        schema=None,
        needed_schema=schema.head(),
        size=None,
        log=known.log,
        account=known.account,
    )


def start(settings: Settings) -> bool:
    """Start the embedded server; return False where there is none to start."""
    cluster = cluster_of(settings)
    if cluster is not None:
        cluster.ensure()
    return cluster is not None


def stop(settings: Settings) -> bool:
    """Stop the embedded server; return False where none was running."""
    cluster = cluster_of(settings)
    return cluster is not None and cluster.stop()


def _asked(database: Database, *, server: str, log: Path | None = None, account: str = "") -> DatabaseStatus:
    with database.transaction(read_only=True) as connection:
        info = connection.info
        place, role = f"{info.host}:{info.port}/{info.dbname}", info.user
        found = schema.current(connection)
        measured = connection.execute(
            "SELECT pg_database_size(current_database()) AS size, current_setting('server_version') AS version"
        ).fetchone()
    database.close()
    assert measured is not None
    return DatabaseStatus(
        server=server,
        running=True,
        postgresql=measured["version"],
        place=place,
        schema=found,
        needed_schema=schema.head(),
        size=measured["size"],
        log=log,
        account=account or role,
    )

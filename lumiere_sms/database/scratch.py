"""A database of one's own beside the one in use, made for a proof or a simulation and dropped after it.

Its name ends in a UUIDv7, which says when it was made: what was left by a process that was killed is dropped by
the next one, what somebody is just making is not.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Literal, LiteralString

import psycopg
from psycopg import sql

from lumiere_sms.database import schema
from lumiere_sms.database.complaints import unreachable
from lumiere_sms.database.connection import Database
from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.settings import Settings


@contextmanager
def scratch_database(
    settings: Settings, *, purpose: Literal["verify", "simulate"] = "verify", keep: bool = False
) -> Iterator[str]:
    """Make a database with our schema on the server in use and give its URL; drop it at the end unless `keep`.

    Raises: ConfigurationError when the server cannot be reached or lets nobody make a database.
    """
    server = settings.database_url or _embedded(settings)
    name = f"{purpose}_{'kept_' * keep}{new_id().hex}"
    _drop_what_was_left(server)
    try:
        _on_server(server, _CREATE, name)
        url = psycopg.conninfo.make_conninfo(server, dbname=name)
        with closing(Database(url)) as database:
            schema.upgrade(database)
            with database.connect():  # so that it is somebody's as long as it is used
                yield url
    finally:
        if not keep:
            _drop(server, name)


def _embedded(settings: Settings) -> str:
    return Cluster(settings.data_dir, pg_bin=settings.pg_bin, account=settings.postgres_user).ensure()


def _drop_what_was_left(server: str) -> None:
    """Drop the scratch databases of processes that were killed, as far as they are this account's to drop."""
    database = Database(server)
    with database.transaction(read_only=True) as connection:
        left = [row["name"] for row in connection.execute(_LEFT_BEHIND)]
    database.close()
    for name in left:
        _drop(server, name)


def _drop(server: str, name: str) -> None:
    """Drop a database. Who is just leaving it is waited for (by PostgreSQL, for 5 seconds), who stays is thrown out.

    Not thrown out at once: a connection that an administrator has lent may be closed by everybody, ended by few.
    """
    try:
        _on_server(server, _DROP, name)
    except psycopg.errors.ObjectInUse:
        _on_server(server, _DROP_BY_FORCE, name)


def _on_server(url: str, statement: LiteralString, name: str) -> None:
    """Execute what no transaction may hold. Raises: ConfigurationError, ObjectInUse."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege as error:
        role = psycopg.conninfo.conninfo_to_dict(url).get("user", "…")
        raise ConfigurationError(
            "this account may not make a scratch database, in which this is tried out and which is dropped afterwards",
            hint=f"an administrator allows it by: ALTER ROLE {role} CREATEDB",
        ) from error
    except psycopg.errors.ObjectInUse:
        raise
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


_CREATE: LiteralString = "CREATE DATABASE {}"
_DROP: LiteralString = "DROP DATABASE IF EXISTS {}"
_DROP_BY_FORCE: LiteralString = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
_LEFT_BEHIND: LiteralString = """
    SELECT datname AS name FROM pg_database
    WHERE datname ~ '^(verify|simulate)_[0-9a-f]{32}$'
      AND right(datname, 32) < lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 120000), 12, '0')
      AND pg_has_role(datdba, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pg_stat_activity.datname = pg_database.datname)
"""

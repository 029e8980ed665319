"""A tenant's state in a scratch database: copied table by table from one snapshot, so that it fits together.

What is only written and never read by anything that decides (the audit, receipts as they came) stays behind, and so
do alerts: those of the copy are what the simulated time raises.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lumiere_sms.database.connection import Connection, Database

_OPTIONS = "-c synchronous_commit=off -c jit=off -c work_mem=64MB"
LEFT_OUT = frozenset({"alerts", "audit_heads", "audit_log", "delivery_events"})


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Open a transaction that reads one moment of the database, however long it lasts."""
    with database.transaction(read_only=True) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT")  # the moment is that of the first statement
        yield connection


def fleeting_url(url: str) -> str:
    """Return the URL of a database that is dropped soon, for connections that wait for no disk."""
    given = conninfo_to_dict(url).get("options")
    return make_conninfo(url, options=f"{given or ''} {_OPTIONS}".strip())


def make_fleeting(scratch: Database) -> None:
    """Spare a database that is dropped soon what only serves to survive a crash or to catch a bug."""
    with scratch.transaction() as connection:
        for key in connection.execute(_FOREIGN_KEYS).fetchall():
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            connection.execute(drop.format(sql.Identifier(key["table"]), sql.Identifier(key["name"])))
        for table in _tables(connection):
            connection.execute(sql.SQL("ALTER TABLE {} SET UNLOGGED").format(sql.Identifier(table)))
        for change in _CHANGES:
            connection.execute(change)


def copy_tenant(source: Connection, scratch: Database, user_id: UUID) -> None:
    """Copy what one tenant has into a fleeting database that has our schema. `source` is a snapshot."""
    with scratch.transaction() as target:
        target.execute("TRUNCATE users")  # the default tenant, which every database has
        for table in _tables(target):
            if table not in LEFT_OUT:
                _copy(source, target, table, user_id)
        target.execute(_ALL_WELL)
    with scratch.connect() as connection:
        connection.execute("ANALYZE")


def _copy(source: Connection, target: Connection, table: str, user_id: UUID) -> None:
    columns = [row["name"] for row in target.execute(_COLUMNS, {"table": table})]
    named = {"columns": sql.SQL(", ").join(map(sql.Identifier, columns)), "table": sql.Identifier(table)}
    rows = sql.SQL(_WHOSE.get(table, _OF_TENANT)).format(**named)
    taken = sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT binary)").format(**named)
    reading = source.cursor().copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(rows), {"user_id": user_id})
    with reading as read, target.cursor().copy(taken) as written:
        for block in read:
            written.write(block)


def _tables(connection: Connection) -> list[str]:
    return [row["name"] for row in connection.execute(_TABLES)]


_CHANGES: tuple[LiteralString, ...] = (
    # Nearly all submissions have an outcome. A planner that knows takes those without one for so few that it compares
    # each of a batch with each: thousands with thousands in a simulation.
    "ALTER TABLE submissions ALTER COLUMN outcome SET STATISTICS 0",
    # Who is never asked what became of a text needs no index to find it by; without these an answer stays on its page.
    "DROP INDEX submissions_provider_message_id_key, submissions_open_idx, submissions_unknown_idx",
    "ALTER TABLE submissions SET (fillfactor = 60)",
)
_OF_TENANT: LiteralString = "SELECT {columns} FROM {table} WHERE user_id = %(user_id)s"
#: A provider that is not well now would be left alone for ever, since nobody probes it here. A drained one stays so.
_ALL_WELL: LiteralString = "UPDATE provider_health SET state = 'closed', reason = NULL, probes = 0, weight = 100"
#: Tables whose rows are a tenant's by another column; no other tenant's sender, no daemon.
_WHOSE: dict[str, LiteralString] = {
    "users": "SELECT {columns} FROM {table} WHERE id = %(user_id)s",
    "pace_limits": "SELECT {columns} FROM {table} WHERE owner = %(user_id)s OR sender = (%(user_id)s)::text"
    " OR provider <> '' AND owner IS NULL",
    "provider_health": "SELECT {columns} FROM {table}",
}
_TABLES: LiteralString = """
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
      AND relname NOT IN ('alembic_version', 'daemons')
    ORDER BY relname
"""
#: To check them takes a seventh of all the time; the statements are those that the real database checks.
_FOREIGN_KEYS: LiteralString = """
    SELECT relname AS table, conname AS name
    FROM pg_constraint JOIN pg_class AS referring ON referring.oid = conrelid
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
_COLUMNS: LiteralString = """
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum
"""

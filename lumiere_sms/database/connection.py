"""How to reach PostgreSQL: transactions on connections that are kept and reused.

Transaction-mode poolers (pgbouncer, Supabase's port 6543) hand each transaction another server
connection, so nothing may live longer than a transaction: no prepared statements, no session state.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from select import select
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.datetime import TimestamptzLoader

from lumiere_sms.database.complaints import DatabaseLostError, complaint, in_doubt, malformed, unreachable, without_rows
from lumiere_sms.errors import ConfigurationError

__all__ = ["Connection", "Database", "DatabaseLostError"]

T = TypeVar("T")

OLDEST_SERVER = 15_00_00
# What the URL does not say itself. A server that has gone without a word is found in a minute: by keepalives where we
# wait for it, by the unanswered bytes (which keepalives do not look after) where we have asked it something.
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "lumiere-sms",
    "client_encoding": "UTF8",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}


class Connection(psycopg.Connection[dict[str, Any]]):
    """A connection whose transaction may have last steps, for what has to be locked as shortly as possible."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Begin without any."""
        super().__init__(*args, **options)
        self.secret = ""  # what is mixed into the keys that the database keeps
        self._last_steps: dict[Callable[[Connection, Sequence[Any]], None], list[Any]] = {}

    def before_commit(self, step: "Callable[[Connection, Sequence[T]], None]", item: T) -> None:
        """Have `step` taken just before this transaction's COMMIT, once, with all items that it was given."""
        self._last_steps.setdefault(step, []).append(item)

    def take_last_steps(self) -> None:
        """Take the steps that wait."""
        waiting, self._last_steps = self._last_steps, {}
        for step, items in waiting.items():
            step(self, items)

    def forget_last_steps(self) -> None:
        """Leave them: the transaction is rolled back."""
        self._last_steps.clear()


class Database:
    """One PostgreSQL database. Safe to share between threads: each transaction has a connection of its own."""

    def __init__(self, url: str, *, revive: Callable[[], None] | None = None, secret: str = "") -> None:
        """Take a libpq URL; `revive` brings an embedded server back to life before another try to connect.

        `secret` is what the keys that the database holds are mixed with (secrets.py).
        """
        self.url = url
        self._revive = revive
        self._secret = secret
        self._idle: deque[Connection] = deque()
        self._is_closed = False

    @contextmanager
    def transaction(self, *, read_only: bool = False, limits: LiteralString = "") -> Iterator[Connection]:
        """Open a transaction; commit when the block ends, roll back when it raises.

        `limits` are statements (patience.py) that travel with the BEGIN, so that they cost no round trip.

        Raises: ConfigurationError when the server cannot be reached, is full or takes no writes;
        DatabaseLostError, one of these, when trying again may work.
        """
        connection, block = self._begin(limits=limits)
        is_ending = False
        try:
            with block:
                if read_only:
                    connection.execute("SET TRANSACTION READ ONLY")
                yield connection
                is_ending = not read_only
        except psycopg.Error as error:
            if is_ending and connection.closed:
                raise in_doubt(error) from error
            if said := complaint(error, read_only=read_only):
                raise said from error
            without_rows(error)
            raise
        finally:
            self._give_back(connection)

    def execute(self, query: LiteralString, binds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute one statement that is a transaction by itself: one round trip, and no moment to freeze in between.

        Raises: as `transaction`; DatabaseLostError leaves open whether it was committed.
        """
        connection = self._alive() or self.connect()
        try:
            return connection.execute(query, binds).fetchall()
        except psycopg.Error as error:
            if said := complaint(error, read_only=False):
                raise said from error
            without_rows(error)
            raise
        finally:
            self._give_back(connection)

    def connect(self) -> Connection:
        """Open a connection of one's own, outside the ones that are reused. The caller closes it.

        Raises: ConfigurationError when there is no server, or none that will do.
        """
        try:
            return self._connect()
        except psycopg.OperationalError as error:
            if self._revive is None:
                raise unreachable(error) from error
        self._revive()
        try:
            return self._connect()
        except psycopg.OperationalError as error:
            raise unreachable(error) from error

    def close(self) -> None:
        """Close the connections that are kept, and keep none from now on."""
        self._is_closed = True
        while (connection := self._kept()) is not None:
            connection.close()

    def _begin(self, *, limits: LiteralString = "") -> "tuple[Connection, _Begun]":
        """Begin a transaction. A kept connection may have died; nothing was asked of it yet, so take another."""
        while (connection := self._kept()) is not None:
            try:
                return connection, _Begun(connection, limits=limits)
            except psycopg.Error:
                connection.close()
        connection = self.connect()
        try:
            return connection, _Begun(connection, limits=limits)
        except psycopg.OperationalError as error:
            connection.close()
            raise unreachable(error) from error

    def _connect(self) -> Connection:
        try:
            parameters = {**DEFAULTS, **conninfo_to_dict(self.url)}
        except psycopg.ProgrammingError as error:
            raise malformed(error) from error
        connection = Connection.connect(
            autocommit=True,  # so that `transaction()` alone begins and ends transactions
            row_factory=dict_row,
            prepare_threshold=None,
            **parameters,
        )
        _refuse_unfit(connection)
        connection.secret = self._secret
        if connection.info.parameter_status("TimeZone") != "UTC":
            connection.adapters.register_loader("timestamptz", _UtcLoader)
        return connection

    def _alive(self) -> Connection | None:
        """Take a kept connection that the server has not closed: nothing waits to be read from an idle one."""
        while (connection := self._kept()) is not None:
            if not select([connection], [], [], 0)[0]:
                return connection
            connection.close()
        return None

    def _kept(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)
            if self._is_closed:  # by another thread, while this one was at work
                self.close()


class _Begun:
    """A transaction that has begun, to be ended by a `with` block."""

    def __init__(self, connection: Connection, *, limits: LiteralString = "") -> None:
        self._connection = connection
        connection.execute(f"BEGIN; {limits}" if limits else "BEGIN")

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        if kind is None:
            self._connection.take_last_steps()
            self._connection.execute("COMMIT")
            return False
        self._connection.forget_last_steps()
        if not self._connection.closed:
            self._connection.execute("ROLLBACK")
        return kind is psycopg.Rollback


class _UtcLoader(TimestamptzLoader):
    """Reads instants in UTC whatever the server's own time zone is."""

    def load(self, data: Buffer) -> datetime:
        return super().load(data).astimezone(UTC)


def _refuse_unfit(connection: Connection) -> None:
    """Refuse a server that is too old or writes dates otherwise, or a database that cannot hold every text.

    Raises: ConfigurationError.
    """
    if (version := connection.info.server_version) < OLDEST_SERVER:
        connection.close()
        raise ConfigurationError(
            f"the database runs PostgreSQL {version // 10_000}; this needs 15 or newer",
            hint="upgrade it, or unset DATABASE_URL to use the embedded server",
        )
    if not (style := connection.info.parameter_status("DateStyle") or "ISO").startswith("ISO"):
        connection.close()
        raise ConfigurationError(
            f"the database writes dates in the style {style}, which is not read",
            hint="export PGDATESTYLE=ISO, or: ALTER ROLE … SET datestyle = 'ISO'",
        )
    if (encoding := connection.info.parameter_status("server_encoding")) not in {None, "UTF8"}:
        connection.close()
        raise ConfigurationError(
            f"the database is encoded in {encoding}, which cannot hold every text",
            hint="create it anew: createdb --encoding=UTF8 --template=template0",
        )

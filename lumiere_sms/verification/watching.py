"""A database that tells how far the engine has come, statement by statement.

It is the product's own `Database` with a cursor that looks at what passes: no statement is changed, added
or left out.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from lumiere_sms.database.connection import Connection, Database


class Stage(StrEnum):
    """How far a statement is."""

    BEFORE = "before"
    EXECUTED = "executed"
    COMMITTED = "committed"


#: Told a statement's name and how far it is, in the thread that executes it.
Tell = Callable[[str, Stage], None]


class WatchedDatabase(Database):
    """A database whose statements are watched: `names` gives those that matter by their text."""

    def __init__(self, url: str, *, names: Mapping[str, str], tell: Tell) -> None:
        """Take a libpq URL, the statements to tell of, and whom to tell."""
        super().__init__(url)
        self._names = names
        self._tell = tell

    def connect(self) -> Connection:
        """Open a connection that is watched. Raises: ConfigurationError."""
        connection = super().connect()
        watched = partial(_Cursor, names=self._names, tell=self._tell, executed=[])
        connection.cursor_factory = watched  # type: ignore[assignment]  # psycopg only calls it
        return connection


class _Cursor(psycopg.Cursor[dict[str, Any]]):
    """A cursor that tells; `executed` is what its connection has executed and not committed."""

    def __init__(
        self, connection: Connection, *, names: Mapping[str, str], tell: Tell, executed: list[str], **options: Any
    ) -> None:
        super().__init__(connection, **options)
        self._names = names
        self._tell = tell
        self._executed = executed

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        name = self._names.get(query)
        if name:
            self._tell(name, Stage.BEFORE)
        super().execute(query, *arguments, **options)
        if name and not self._found_nobody():
            self._executed.append(name)
            self._tell(name, Stage.EXECUTED)
        if self.connection.info.transaction_status is TransactionStatus.IDLE:
            self._say_committed(query)
        return self

    def _say_committed(self, query: Any) -> None:
        names, self._executed[:] = list(self._executed), []
        if not str(query).startswith("ROLLBACK"):
            for name in names:
                self._tell(name, Stage.COMMITTED)

    def _found_nobody(self) -> bool:
        """Say whether a claim came back with nothing but its count."""
        result = self.pgresult
        return bool(result and result.ntuples == 1 and result.nfields > 1 and result.get_value(0, 1) is None)

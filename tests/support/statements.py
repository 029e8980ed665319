"""Watches every statement that the product gives to psycopg, and judges it by the rules of tenancy.

A statement is the product's when the nearest frame that is neither a library's nor this file's lies in the
package: what tests and migrations execute for themselves is their own business. So is what an operator asks
(`stop_when`), which says so in its first line.
"""

import sys
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg.sql import Composable
from support.tenancy_rules import broken_rules

import lumiere_sms

PACKAGE = str(Path(lumiere_sms.__file__).parent)
OTHERS = (str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "migrations"))
OPERATORS = "-- an operator's own\n"
DOORS = (
    (psycopg.Cursor, "execute"),
    (psycopg.Cursor, "executemany"),
    (psycopg.Cursor, "stream"),
    (psycopg.Cursor, "copy"),
    (psycopg.ServerCursor, "execute"),
)


class Watch:
    """Collects what was broken, until it is taken. `tenant_tables` is known once the tables have been read."""

    def __init__(self) -> None:
        self._broken: list[str] = []
        self.seen: set[str] = set()

    def install(self) -> None:
        """Stand in every door of psycopg for the rest of the process."""
        for cursor, name in DOORS:
            setattr(cursor, name, self._watched(getattr(cursor, name)))

    def take(self) -> list[str]:
        """Return what was broken since the last time."""
        taken, self._broken = self._broken, []
        return taken

    def judge(self, sql: str, *, has_binds: bool) -> None:
        """Judge one statement, once however often it is executed."""
        if sql not in self.seen and not sql.startswith(OPERATORS):
            self.seen.add(sql)
            broken = broken_rules(sql, tenant_tables(), has_binds=has_binds)
            self._broken += [f"{rule}\n{sql}" for rule in broken]

    def _watched(self, door: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(door)
        def watched(cursor: Any, query: Any, params: Any = None, *args: Any, **options: Any) -> Any:
            if is_ours(sys._getframe(1)):
                self.judge(_text(query, cursor), has_binds=params is not None)
            return door(cursor, query, params, *args, **options)

        return watched


def is_ours(frame: FrameType | None) -> bool:
    """Tell whether the package asked for it."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE):
            return True
        if file.startswith(OTHERS) and file != __file__:
            return False
        frame = frame.f_back
    return False


@cache
def tenant_tables() -> set[str]:
    """Return the names of the tables whose rows belong to a tenant."""
    from lumiere_sms.database.tables.columns import TableClass  # noqa: PLC0415 - SQLAlchemy, where it is needed
    from lumiere_sms.database.tables.everything import table_classes  # noqa: PLC0415

    return {name for name, table_class in table_classes().items() if table_class is TableClass.TENANT}


def _text(query: Any, cursor: Any) -> str:
    if isinstance(query, Composable):
        return query.as_string(cursor)
    return query.decode() if isinstance(query, bytes) else str(query)

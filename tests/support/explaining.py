"""Connections that EXPLAIN whatever is asked of them before they do it, with the values that it is asked with."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row

from lumiere_sms.database.connection import Connection, Database

_ASKS = re.compile(r"(\s|--[^\n]*\n)*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_TENANT_ALONE = re.compile(r"\(user_id = [^()]+\)")
_FEW = 100  # rows of an index that holds some only
_READS_ALL = {"Sort", "Hash", "Aggregate", "Bitmap Heap Scan"}  # before they give out the first row


class ExplainingDatabase(Database):
    """Collects which tables are read from end to end, and by which statements."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.scans: dict[str, set[str]] = {}

    def connect(self) -> Connection:
        connection = super().connect()
        scans = self.scans

        class Explaining(psycopg.Cursor[dict[str, Any]]):
            def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
                sql = query.as_string(connection) if hasattr(query, "as_string") else str(query)
                if _ASKS.match(sql):
                    with psycopg.Cursor(connection, row_factory=dict_row) as cursor:
                        (plan,) = cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params).fetchall()
                    for table in scanned(plan["QUERY PLAN"]):
                        scans.setdefault(table, set()).add(sql)
                return super().execute(query, params, **options)

        connection.cursor_factory = Explaining
        return connection


def scanned(node: Any, *, is_cut_short: bool = False) -> Iterator[str]:
    """Yield the tables that a plan reads from end to end, also by an index of which it knows the tenant alone."""
    if isinstance(node, list):
        for each in node:
            yield from scanned(each, is_cut_short=is_cut_short)
    elif isinstance(node, dict):
        kind = node.get("Node Type", "")
        is_of_tenant = _TENANT_ALONE.fullmatch(node.get("Index Cond", "")) and node["Plan Rows"] > _FEW
        if kind == "Seq Scan" or (is_of_tenant and not is_cut_short):
            yield node.get("Relation Name") or node["Index Name"]
        is_cut_short = kind == "Limit" or (is_cut_short and kind not in _READS_ALL)
        for value in node.values():
            yield from scanned(value, is_cut_short=is_cut_short)

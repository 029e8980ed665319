"""A salon to tell stories about: its customers, its definitions, and what became of them."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from lumiere_sms.campaigns.apply import Applied, apply
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import Tenant, find_tenant
from lumiere_sms.definitions.models import Definitions
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.providers.prices import list_price

prices = partial(list_price, "twilio")


def add_customer(database: Database, user_id: UUID, phone: str | None, **columns: Any) -> UUID:
    row = {"user_id": user_id, "id": new_id(), "phone_number": phone, "allow_promotional": True, **columns}
    row = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
    with database.transaction() as connection:
        names, binds = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        connection.execute(f"INSERT INTO customers ({names}) VALUES ({binds})", row)
    return row["id"]


def add_customers(database: Database, user_id: UUID, count: int, *, first: int = 0) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO customers (user_id, id, external_id, phone_number, last_name, visit_count, allow_promotional)"
            " SELECT %s, gen_random_uuid(), 'C' || number, '+8190' || number, '田中', number %% 50, true"
            " FROM generate_series(%s::int, %s::int) AS number",
            [user_id, first + 10_000_000, first + 10_000_000 + count - 1],
        )


def define(folder: Path, text: str, *, name: str = "campaigns.yaml") -> Definitions:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_definitions([path])


def apply_text(database: Database, folder: Path, text: str, *, clock: Clock, **options: Any) -> Applied:
    """Apply definitions, whatever the lint says of their texts: stories compare whole texts, and are short for it.

    What stops an `apply` has tests of its own; a story about that gives `override=None`.
    """
    options = {"override": "a story says what it is about, not what the law asks", **options}
    return apply(database, tenant_of(database), define(folder, text), clock=clock, **options)


def tenant_of(database: Database) -> Tenant:
    return find_tenant(database, "default")


def rows(database: Database, table: str, *, order: str = "id") -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()


def only(database: Database, table: str) -> dict[str, Any]:
    (row,) = rows(database, table)
    return row

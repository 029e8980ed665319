"""How a table's columns and its class are declared.

Every table belongs to a class, which says where its rows would live if the database were spread over
several machines (Citus): a *reference* table is whole on each, a *tenant* table is cut by `user_id`, a
*local* one stays where it is.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Uuid, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

Json = dict[str, Any]


class TableClass(StrEnum):
    """Where a table's rows would live."""

    REFERENCE = "reference"
    TENANT = "tenant"
    LOCAL = "local"


def described(table_class: TableClass, **storage: float) -> dict[str, Any]:
    """Return what stands last in `__table_args__`: the table's class and its storage parameters."""
    return {"info": {"class": table_class}, "postgresql_with": storage}


def stored(kind: TypeEngine[Any], *, default: str | None = None, key: bool = False, optional: bool = False) -> Any:
    """Declare a column; `default` is SQL, and a column that is not `optional` is NOT NULL."""
    server_default = None if default is None else text(default)
    return Field(sa_column=Column(kind, primary_key=key, nullable=optional, server_default=server_default))


def tenant_key() -> Any:
    """Declare `user_id`: the tenant, first in the primary key."""
    return Field(sa_column=Column(Uuid(), ForeignKey("users.id"), primary_key=True, nullable=False))


def instant() -> DateTime:
    """Return the type of an instant: aware, stored in UTC."""
    return DateTime(timezone=True)

"""Customers as a CSV file that a spreadsheet opens safely and `customer import` reads back as it was."""

import csv
from collections.abc import Iterator
from datetime import date
from typing import IO, Any
from uuid import UUID, uuid4

from lumiere_sms.audience.headers import ATTRIBUTE
from lumiere_sms.audience.people import guarded
from lumiere_sms.database.connection import Connection

COLUMNS = (
    "external_id",
    "phone_number",
    "last_name",
    "first_name",
    "visit_count",
    "last_visit_date",
    "next_appointment_at",
    "total_sales",
    "birthday",
    "tags",
    "allow_promotional",
    "allow_reminders",
    "preferred_time",
    "timezone",
    "opt_out_date",
)
FETCHED = 5_000


def export_customers(connection: Connection, user_id: UUID, stream: IO[str]) -> int:
    """Write every customer of a tenant to `stream`, oldest first; return how many. Memory does not grow with them.

    What a CSV brought beyond our columns stands in columns `attributes.NAME`.
    """
    names = _attribute_names(connection, user_id)
    writer = csv.writer(stream)
    writer.writerow([*COLUMNS, *(guarded(ATTRIBUTE + name) for name in names)])
    count = 0
    for row in _rows(connection, user_id):
        writer.writerow([guarded(_text(value)) for value in _values(row, names)])
        count += 1
    return count


def _attribute_names(connection: Connection, user_id: UUID) -> list[str]:
    found = connection.execute(
        "SELECT DISTINCT jsonb_object_keys(attributes) AS name FROM customers WHERE user_id = %s ORDER BY 1", [user_id]
    )
    return [row["name"] for row in found]


def _rows(connection: Connection, user_id: UUID) -> Iterator[dict[str, Any]]:
    with connection.cursor(name=f"export_{uuid4().hex}") as cursor:
        cursor.itersize = FETCHED
        yield from cursor.execute("SELECT * FROM customers WHERE user_id = %s ORDER BY id", [user_id])


def _values(row: dict[str, Any], names: list[str]) -> list[Any]:
    return [row[column] for column in COLUMNS] + [row["attributes"].get(name) for name in names]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ";".join(map(str, value))
        case date():
            return value.isoformat()
        case _:
            return str(value)

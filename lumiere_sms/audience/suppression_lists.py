"""Suppressions as CSV: to another system, and from one. Whole numbers, the reason, the source, the note, since when."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from lumiere_sms.audience.cells import read_past, read_text
from lumiere_sms.audience.headers import name_columns
from lumiere_sms.audience.lists import ListFile, open_list, read_each, read_header, read_rows
from lumiere_sms.audience.people import bare, guarded
from lumiere_sms.audience.phones import read_phone
from lumiere_sms.audience.suppressions import (
    REASONS,
    REFUSALS,
    SOURCES,
    Suppression,
    list_suppressions,
    suppress_list,
)
from lumiere_sms.audience.words import meanings, plain
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import DefinitionError

COLUMNS = ("phone_number", "reason", "source", "note", "created_at")

_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class ImportedSuppressions:
    """What a list came to: rows, numbers that are new or refuse now, and those that were not texted already."""

    rows: int
    added: int
    known: int
    dry_run: bool


def export_suppressions(connection: Connection, user_id: UUID, stream: IO[str]) -> int:
    """Write every suppressed number of a tenant to `stream`; return how many."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    count = 0
    for row in list_suppressions(connection, user_id):
        cells = [row["phone_number"], row["reason"], row["source"], row["note"] or "", row["created_at"].isoformat()]
        writer.writerow(map(guarded, cells))
        count += 1
    return count


def import_suppressions(
    database: Database,
    tenant: Tenant,
    path: Path,
    *,
    reason: str = "opted_out",
    dry_run: bool = False,
    by: str = "operator",
    now: datetime,
) -> ImportedSuppressions:
    """Suppress the numbers of a CSV, all of them or none; `reason` is of those that name none.

    A number that is suppressed already keeps its reason, but for a refusal. Raises: DefinitionError.
    """
    file = open_list(path)
    found = _read(file, tenant, reason=reason, now=now)
    numbers, added = list({each.phone_number: each for each in sorted(found, key=_rank)}.values()), 0
    with database.transaction() as connection:
        for first in range(0, len(numbers), _AT_ONCE):
            some = numbers[first : first + _AT_ONCE]
            added += suppress_list(connection, tenant.id, some, subject=path.name, by=by, now=now)
        if dry_run:
            raise psycopg.Rollback
    return ImportedSuppressions(len(found), added, len(numbers) - added, dry_run)


def _rank(suppression: Suppression) -> tuple[bool, bool]:
    """Return what outranks what of one number: a complaint a refusal, a refusal all that is wrong with it."""
    return suppression.reason in REFUSALS, suppression.reason == "complaint"


def _read(file: ListFile, tenant: Tenant, *, reason: str, now: datetime) -> list[Suppression]:
    """Return the suppression of each line. Raises: DefinitionError."""
    rows = read_rows(file)
    columns = read_header(file, rows, _columns)
    when = partial(read_past, zone=ZoneInfo(tenant.timezone), now=now)

    def read(_: int, row: Sequence[str]) -> Suppression:
        cells = dict(zip(columns, map(bare, row), strict=True))
        at = datetime.fromisoformat(when(cells["created_at"])) if cells.get("created_at") else None
        number = read_phone(cells["phone_number"], country=tenant.country, is_texted=False)
        note = read_text(cells.get("note", "")) or None
        return Suppression(number, _reason(cells, reason), _source(cells), note, at)

    found, problems = read_each(file, rows, columns, read)
    if problems:
        raise DefinitionError(problems)
    return found


def _columns(cells: Sequence[str]) -> list[str]:
    needed = {"a phone number": ("phone_number",)}
    return name_columns(cells, meanings("suppression_headers"), known=COLUMNS, needed=needed)


def _reason(cells: Mapping[str, str], otherwise: str) -> str:
    told = cells.get("reason", "")
    reason = meanings("reasons").get(plain(told)) if told else otherwise
    if reason is None:
        raise ValueError(f'"{told}" is not a reason; write one of {", ".join(REASONS)}')
    return reason


def _source(cells: Mapping[str, str]) -> str:
    told = cells.get("source", "")
    return told if told in SOURCES else "import"

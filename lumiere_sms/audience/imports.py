"""A customer list into the database: all of it, or nothing; or, when asked, all that is good of it.

Rows are read, checked and copied into a table of this transaction only, so that memory does not grow
with the list; what they change is then found and done in a few statements over all of them. A row is the
customer with its external id, else the one with its phone and name. Empty cells leave what is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString, Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from psycopg.sql import SQL, Identifier

from lumiere_sms.audience.cells import readers
from lumiere_sms.audience.consent_rows import Act, Consent, append, hashed, note
from lumiere_sms.audience.consents import require_wording
from lumiere_sms.audience.headers import read_headers
from lumiere_sms.audience.lists import ListError, Row, open_list, read_header, read_rows
from lumiere_sms.audience.people import PERSON, CellProblem, Person, PersonReader, RowError
from lumiere_sms.audience.phones import is_country
from lumiere_sms.audience.suppressions import refuse_again, withdrawn
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant
from lumiere_sms.errors import ConfigurationError, DefinitionError, Problem

MOST_TOLD = 50
TELL_EVERY = 5_000  # rows between two words about how far it has come
_PLAIN = "SET LOCAL jit = off"  # compiling its statements takes longer than they do
_COUNTS = ("rows", "created", "updated", "unchanged", "skipped", "opted_out")


class Progress(Protocol):
    """Told how far an import has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Take the rows read so far, and about how many there are."""
        ...


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a list is taken in. `country` is of numbers without `+`; empty: the tenant's.

    `wording` is what those who agreed to texts agreed to, where the list itself does not say.
    """

    encoding: str = "auto"
    country: str = ""
    dry_run: bool = False
    skip_bad: bool = False
    allow_promotional: bool = False
    wording: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do: `rows` that hold a person, of them `skipped` as bad; the first `problems`."""

    rows: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    opted_out: int
    dry_run: bool
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Complaints:
    """What is wrong with a list so far: the first problems, and how many more; how many rows they spoil."""

    file: str
    told: list[Problem] = field(default_factory=list)
    more: int = 0
    rows: int = 0

    def add(self, line: int, problem: CellProblem) -> None:
        said = f'column "{problem.header}": {problem.message}' if problem.header else problem.message
        if len(self.told) < MOST_TOLD:
            self.told.append(Problem(self.file, line, 0, said, problem.hint))
        else:
            self.more += 1

    def raise_any(self) -> None:
        if self.told:
            told = sorted(self.told, key=lambda problem: problem.line)
            raise DefinitionError(told, more=self.more, hint="mend the list, or take the good rows with --skip-bad")


def import_customers(
    database: Database,
    tenant: Tenant,
    path: Path,
    *,
    options: ImportOptions,
    by: str = "operator",
    now: datetime,
    progress: Progress,
) -> Imported:
    """Take the people of a CSV file in, in one transaction.

    Raises: DefinitionError with the place of everything that is wrong, when nothing was changed;
    ConfigurationError for a country that phone numbers cannot be of; UsageError for words that are no wording.
    """
    require_wording(options.wording)
    country = options.country.upper() or tenant.country
    if not is_country(country):
        raise ConfigurationError(f'"{country}" is not a country', hint="write two letters, such as JP")
    file = open_list(path, encoding=options.encoding)
    complaints = _Complaints(file.name)
    rows = read_rows(file)
    cells = readers(country=country, zone=ZoneInfo(tenant.timezone), now=now)
    reader = PersonReader(read_header(file, rows, read_headers), readers=cells)
    with database.transaction(limits=_PLAIN) as connection:
        for name in ("stage_rows", "stage_matches", "stage_clashes"):
            connection.execute(statement(__package__, name))
        staged = _stage(connection, _people(rows, reader, complaints), total=file.lines, progress=progress)
        binds: dict[str, Any] = {
            "user_id": tenant.id,
            "agreed": options.allow_promotional,
            "wording": options.wording,
            "now": now,
        }
        binds["audit_id"] = new_id()
        imported, made = _store(connection, binds, rows=staged, complaints=complaints, options=options, by=by)
        if options.dry_run:
            raise psycopg.Rollback
        counts = {name: getattr(imported, name) for name in _COUNTS}
        act = Act(by, "customer.import", path.name, after=counts)
        overtaken = [row["id"] for row in connection.execute(statement(__package__, "import_overtaken"), binds)]
        note(connection, tenant.id, binds["audit_id"], act=act, made=made, now=now)
        if overtaken:
            act = Act(by, "customer.refused_meanwhile", path.name, after={"customers": len(overtaken)})
            append(connection, tenant.id, _refusals(connection, tenant.id, overtaken), act=act, now=now)
    return imported


def _refusals(connection: Connection, user_id: UUID, ids: Sequence[UUID]) -> list[Consent]:
    """Return what customers take back who have refused, each as their number's refusal was told."""
    found = connection.execute(_HOW_REFUSED, {"user_id": user_id, "ids": ids})
    return [each for row in found for each in withdrawn([row["id"]], row["source"])]


def _people(rows: Iterator[Row], reader: PersonReader, complaints: _Complaints) -> Iterator[tuple[int, Person]]:
    """Give out the people of a list with their lines; note what is wrong with the other rows."""
    for line, row in rows:
        try:
            person = reader.read(_readable(row))
        except RowError as error:
            complaints.rows += 1
            for problem in error.problems:
                complaints.add(line, problem)
        else:
            if person is not None:
                yield line, person


def _readable(row: list[str] | ListError) -> list[str]:
    if isinstance(row, ListError):
        raise RowError([CellProblem("", str(row))])
    return row


def _stage(connection: Connection, people: Iterator[tuple[int, Person]], *, total: int, progress: Progress) -> int:
    rows = 0
    copying = SQL("COPY import_rows (line, id, {}) FROM STDIN").format(SQL(", ").join(map(Identifier, PERSON)))
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for rows, (line, person) in enumerate(people, start=1):
            copy.write_row((line, new_id(), *person))
            if rows % TELL_EVERY == 0:
                progress(rows, max(total, rows))
    progress(rows, rows)
    return rows


def _store(
    connection: Connection,
    binds: Mapping[str, Any],
    *,
    rows: int,
    complaints: _Complaints,
    options: ImportOptions,
    by: str,
) -> tuple[Imported, Mapping[str, Any]]:
    """Let the staged rows change what is stored; return what they did, and what their consents come to."""
    if rows == 0 and not complaints.told:
        raise DefinitionError([Problem(complaints.file, 0, 0, "has a header but no people")])
    hold_tenant(connection, binds["user_id"])  # one import at a time
    connection.execute("ANALYZE import_rows")
    connection.execute(statement(__package__, "import_match"), binds)
    connection.execute(statement(__package__, "import_clashes"), binds)
    _complain_of_clashes(connection, complaints)
    if not options.skip_bad:
        complaints.raise_any()
    connection.execute("ANALYZE import_matches")
    if not options.dry_run:
        connection.execute(statement(__package__, "import_hold"), binds)
    counts = connection.execute(statement(__package__, "import_counts")).fetchone()
    assert counts is not None
    made: Mapping[str, Any] = {}
    if not options.dry_run:
        made = connection.execute(hashed("import_consents"), binds).fetchone() or {}
        for name in ("import_update", "import_insert"):
            connection.execute(statement(__package__, name), binds)
        refuse_again(connection, binds["user_id"], _numbers(connection), by=by, now=binds["now"])
        connection.execute(statement(__package__, "import_suppress"), binds)
    read = rows + complaints.rows - counts.pop("clashes")
    told: dict[str, Any] = {"skipped": complaints.rows, "dry_run": options.dry_run, "problems": tuple(complaints.told)}
    return Imported(rows=read, **counts, **told), made


def _numbers(connection: Connection) -> Iterator[str]:
    with connection.cursor(name=f"numbers_{uuid4().hex}") as cursor:
        cursor.itersize = TELL_EVERY
        cursor.execute("SELECT DISTINCT phone_number FROM import_rows WHERE phone_number IS NOT NULL")
        yield from (row["phone_number"] for row in cursor)


def _complain_of_clashes(connection: Connection, complaints: _Complaints) -> None:
    with connection.cursor() as cursor:
        for row in cursor.stream("SELECT line, kind, other FROM import_clashes ORDER BY line, kind"):
            complaints.rows += 1
            complaints.add(row["line"], CellProblem("", _CLASHES[row["kind"]].format(other=row["other"])))


_HOW_REFUSED: LiteralString = """
    SELECT customers.id, coalesce(suppressions.source, 'operator') AS source
    FROM customers
    LEFT JOIN suppressions
        ON suppressions.user_id = %(user_id)s AND suppressions.phone_number = customers.phone_number
    WHERE customers.user_id = %(user_id)s AND customers.id = ANY (%(ids)s)
    ORDER BY customers.id
"""
_CLASHES = {
    "external_id": "the customer number is that of line {other} too",
    "person": "the phone and name are those of line {other} too, and no customer number tells them apart",
    "customer": "this is the same stored customer as line {other}",
    "several": "{other} stored customers have this phone and name; give the customer number",
}

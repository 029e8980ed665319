"""One row of a customer list → what is staged of a person, or everything that is wrong with the row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumiere_sms.audience.cells import Reader, attributes_text, refuse_names, split_name
from lumiere_sms.audience.headers import FULL_NAME, UNNAMED, Column
from lumiere_sms.audience.lists import LONGEST_CELL

PERSON = (
    "external_id",
    "phone_number",
    "last_name",
    "first_name",
    "total_sales",
    "visit_count",
    "last_visit_date",
    "next_appointment_at",
    "birthday",
    "tags",
    "allow_promotional",
    "allow_reminders",
    "preferred_time",
    "timezone",
    "opt_out_date",
    "consent_date",
    "consent_source",
    "consent_wording",
    "attributes",
)
Person = list[str | None]  # in the order of PERSON, as PostgreSQL's text
_SLOTS = {name: place for place, name in enumerate(PERSON)}
_WORDING = _SLOTS["consent_wording"]
# A cell that a spreadsheet would run as a formula is exported with a ' before it; one more where it had some already.
_GUARDED = re.compile(r"'+[=+@\t\r-]")
_DANGEROUS = re.compile(r"'*[=+@\t\r-]")


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with a cell; `header` is empty for the row as a whole."""

    header: str
    message: str
    hint: str = ""


class RowError(Exception):
    """A row that says nothing usable; `problems` lists why."""

    def __init__(self, problems: Sequence[CellProblem]) -> None:
        super().__init__(problems[0].message)
        self.problems = tuple(problems)


class PersonReader:
    """Reads the rows of one list, whose columns are known."""

    def __init__(self, columns: Sequence[Column], *, readers: Mapping[str, Reader]) -> None:
        self._columns = columns
        named = enumerate(columns)
        self._cells = [
            (place, _SLOTS[column.field], readers[column.field]) for place, column in named if column.field in readers
        ]
        self._attributes = [(place, column.attribute) for place, column in enumerate(columns) if column.attribute]
        self._name = next((place for place, column in enumerate(columns) if column.field == FULL_NAME), None)
        self._unnamed = [place for place, column in enumerate(columns) if column.field == UNNAMED]

    def read(self, row: Sequence[str]) -> Person | None:
        """Return the person of a row; None for a row of blanks. Raises: RowError."""
        if len(row) != len(self._columns):
            raise RowError([CellProblem("", f"{_cells(len(row))}, but the header has {len(self._columns)}")])
        if max(map(len, row)) > LONGEST_CELL:
            raise RowError(list(self._too_long(row)))
        person: Person = [None] * len(PERSON)
        problems: list[CellProblem] = []
        for place, slot, read in self._cells:
            if row[place] and (cell := bare(row[place])):
                try:
                    person[slot] = read(cell)
                except ValueError as error:
                    problems.append(self._problem(place, error))
        if self._name is not None:
            person[2], person[3] = split_name(row[self._name])
        if self._attributes:
            person[-1] = attributes_text({key: cell for place, key in self._attributes if (cell := bare(row[place]))})
        problems += self._of_the_row(row, person, unread={problem.header for problem in problems})
        if problems:
            raise RowError(problems)
        return person if any(person) else None

    def _of_the_row(self, row: Sequence[str], person: Sequence[str | None], *, unread: set[str]) -> list[CellProblem]:
        problems = [
            CellProblem("", f'"{row[place][:20]}" stands in column {place + 1}, which has no header')
            for place in self._unnamed
            if row[place].strip()
        ]
        if not unread and person[0] is None and person[1] is None and any(person):
            problems.append(CellProblem("", "this person has neither a customer number nor a phone number"))
        try:
            refuse_names(person[_WORDING], person[2], person[3])
        except ValueError as error:
            problems.append(CellProblem("", str(error)))
        return problems

    def _problem(self, place: int, error: ValueError) -> CellProblem:
        return CellProblem(self._columns[place].header, str(error), getattr(error, "hint", ""))

    def _too_long(self, row: Sequence[str]) -> list[CellProblem]:
        return [
            CellProblem(column.header, f"{len(cell):,} characters are too many; {LONGEST_CELL:,} is the most")
            for column, cell in zip(self._columns, row, strict=True)
            if len(cell) > LONGEST_CELL
        ]


def guarded(cell: str) -> str:
    """Return a cell as it is exported: no spreadsheet runs it, and reading it again gives what it was.

    >>> guarded("+819012345678"), guarded("=HYPERLINK(1)"), guarded("'=1"), guarded("田中")
    ("'+819012345678", "'=HYPERLINK(1)", "''=1", '田中')
    """
    return "'" + cell if _DANGEROUS.match(cell) else cell


def bare(cell: str) -> str:
    """Undo `guarded`, and the spaces around a cell."""
    told = cell.strip()
    return told[1:] if told[:1] == "'" and _GUARDED.match(told) else told


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"

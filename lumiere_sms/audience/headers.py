"""Which column of a customer list is which of ours, by the names that lists give them (words.toml)."""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lumiere_sms.audience.fields import guess
from lumiere_sms.audience.words import meanings, plain

FULL_NAME = "name"
ATTRIBUTE = "attributes."
UNNAMED = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its header, and what it is: a column of ours, `attributes.…` or unnamed."""

    header: str
    field: str

    @property
    def attribute(self) -> str:
        """The key below `attributes`, empty for a column of ours."""
        return self.field.removeprefix(ATTRIBUTE) if self.field.startswith(ATTRIBUTE) else ""


class HeaderError(ValueError):
    """Headers that cannot be told apart or say too little; `problems` lists each, `hint` says what would do."""

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        self.hint = hint


def read_headers(cells: Sequence[str]) -> tuple[Column, ...]:
    """Return what each column is. Raises: HeaderError for two that are the same, or when none tells people apart."""
    columns = tuple(Column(cell.strip(), field_of(cell)) for cell in cells)
    by_field: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        by_field[column.field].append(column.header)
    if problems := _problems(by_field):
        raise HeaderError(problems)
    return columns


def name_columns(
    cells: Sequence[str], words: Mapping[str, str], *, known: Sequence[str], needed: Mapping[str, Collection[str]]
) -> list[str]:
    """Return what each column of a list of another kind is: by its own `words`, else as a customer list has it.

    `needed` are columns that must be there, one of each collection, by what to call them. Raises: HeaderError for what
    is missing, twice there, or not `known`.
    """
    columns = [words.get(plain(cell)) or field_of(cell) for cell in cells]
    problems = [
        f'unknown column "{cell}"; {guess(cell, known) or "known are " + ", ".join(known)}'
        for cell, column in zip(cells, columns, strict=True)
        if column not in known
    ]
    problems += [f"several columns are {each}" for each in known if columns.count(each) > 1]
    problems += [f"no column is {what}" for what, names in needed.items() if not set(names) & set(columns)]
    if problems:
        raise HeaderError(problems)
    return columns


def field_of(header: str) -> str:
    """Return what a header names: a column of ours, else the attribute of that name, empty for an empty one.

    >>> field_of("携帯"), field_of("lastVisitDate"), field_of("Phone Number"), field_of("性別")
    ('phone_number', 'last_visit_date', 'phone_number', 'attributes.性別')
    """
    text = unicodedata.normalize("NFKC", header).strip()
    if not text or text == ATTRIBUTE:
        return UNNAMED
    return text if text.startswith(ATTRIBUTE) else meanings("headers").get(plain(text), ATTRIBUTE + text)


def _problems(by_field: dict[str, list[str]]) -> list[str]:
    problems = []
    for field, names in by_field.items():
        if field != UNNAMED and len(names) > 1:
            listed = " and ".join(f'"{name}"' for name in names)
            problems.append(f"columns {listed} are all {field.removeprefix(ATTRIBUTE)}; rename all but one")
    parts = by_field.keys() & {"last_name", "first_name"}
    if FULL_NAME in by_field and parts:
        listed = " and ".join(f'"{by_field[field][0]}"' for field in (FULL_NAME, *sorted(parts)))
        problems.append(f"columns {listed} all give the name; rename the whole name's")
    if not by_field.keys() & {"external_id", "phone_number"}:
        problems.append("no column is a phone number or a customer number")
    return problems

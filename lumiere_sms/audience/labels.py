"""A list of people with what a person says of each: is this one of them, yes or no."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lumiere_sms.audience.cells import read_key, read_yes_no
from lumiere_sms.audience.headers import Column, HeaderError, read_headers
from lumiere_sms.audience.lists import ListFile, open_list, read_each, read_header, read_rows
from lumiere_sms.audience.phones import read_phone
from lumiere_sms.audience.words import plain
from lumiere_sms.errors import DefinitionError, Problem

WORDS = ("label", "belongs", "expected", "member", "wanted", "対象", "正解")
_KEYS = ("external_id", "phone_number")
_PLAIN_WORDS = frozenset(map(plain, WORDS))


@dataclass(frozen=True, slots=True)
class Label:
    """What a line says: a person, by customer number or by phone, and whether they should be in the segment."""

    line: int
    external_id: str | None
    phone_number: str | None
    belongs: bool


def read_labels(path: Path, *, country: str) -> list[Label]:
    """Read a CSV with a column that names people and one that says yes or no.

    Numbers without `+` are of `country`. Raises: DefinitionError with the line of everything that is wrong.
    """
    file = open_list(path)
    rows = read_rows(file)
    columns, answer = read_header(file, rows, _columns)
    labels, problems = read_each(file, rows, columns, partial(_label, columns, answer, country=country))
    problems += _twins(file, labels)
    if not labels and not problems:
        problems.append(Problem(file.name, 0, 0, "nobody is listed below the header"))
    if problems:
        raise DefinitionError(sorted(problems, key=lambda problem: problem.line))
    return labels


def _columns(cells: Sequence[str]) -> tuple[tuple[Column, ...], int]:
    """Return the columns, and which of them says yes or no: one of WORDS, or the only one that names nothing else."""
    columns = read_headers(cells)
    own = [place for place, column in enumerate(columns) if column.attribute]
    named = [place for place in own if plain(columns[place].attribute) in _PLAIN_WORDS] or own
    if len(named) != 1:
        said = "no column says who belongs" if not named else f"{len(named)} columns may say who belongs"
        raise HeaderError([said], hint="call one label, and write yes or no below it")
    return columns, named[0]


def _label(columns: Sequence[Column], answer: int, line: int, cells: Sequence[str], *, country: str) -> Label:
    given = {column.field: cell.strip() for column, cell in zip(columns, cells, strict=True) if column.field in _KEYS}
    external_id, phone = (given.get(key) for key in _KEYS)
    if not external_id and not phone:
        raise ValueError("this line names nobody")
    if not cells[answer].strip():
        raise ValueError("this line says neither yes nor no")
    belongs = read_yes_no(cells[answer].strip()) == "true"
    return Label(
        line,
        read_key(external_id) if external_id else None,
        read_phone(phone, country=country) if phone and not external_id else None,
        belongs,
    )


def _twins(file: ListFile, labels: Sequence[Label]) -> Iterator[Problem]:
    first: dict[tuple[str | None, str | None], Label] = {}
    for label in labels:
        before = first.setdefault((label.external_id, label.phone_number), label)
        if before is not label:
            message = f"{label.external_id or label.phone_number} stands on line {before.line} already"
            yield Problem(file.name, label.line, 0, message)

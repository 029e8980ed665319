"""Whom a direct send goes to: numbers as they are typed, or the rows of a list with values for the text."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from lumiere_sms.audience.cells import read_count, read_date, read_money
from lumiere_sms.audience.headers import Column, HeaderError, read_headers
from lumiere_sms.audience.lists import ListError, ListFile, open_list, read_rows
from lumiere_sms.audience.phones import PhoneError, read_phone
from lumiere_sms.campaigns.direct import Addressee
from lumiere_sms.errors import DefinitionError, Problem

_PHONE = "phone_number"
_READERS: Mapping[str, Callable[[str], Any]] = {
    "last_visit_date": lambda text: date.fromisoformat(read_date(text)),
    "birthday": lambda text: date.fromisoformat(read_date(text)),
    "visit_count": lambda text: int(read_count(text)),
    "total_sales": lambda text: Decimal(read_money(text)),
}


def read_numbers(numbers: Sequence[str], *, country: str) -> list[Addressee]:
    """Read typed numbers; those without `+` are of `country`. Raises: DefinitionError that lists the wrong ones."""
    addressees, problems = [], []
    for number in numbers:
        try:
            addressees.append(Addressee(read_phone(number, country=country)))
        except PhoneError as error:
            problems.append(Problem("--to", 0, 0, str(error), hint=error.hint))
    if problems:
        raise DefinitionError(problems)
    return addressees


def read_list(path: Path, *, country: str) -> list[Addressee]:
    """Read a CSV with a column of phone numbers; its other columns are values for the text.

    Raises: DefinitionError with the line of everything that is wrong.
    """
    file = open_list(path)
    rows = read_rows(file)
    line, first = next(rows, (1, []))
    columns = _columns(file, line, first)
    addressees, problems = [], []
    for line, cells in rows:
        try:
            addressees.append(_addressee(columns, cells, country=country))
        except (ListError, PhoneError, ValueError) as error:
            problems.append(Problem(file.name, line, 0, str(error), hint=getattr(error, "hint", "")))
    if problems:
        raise DefinitionError(problems)
    return addressees


def _columns(file: ListFile, line: int, cells: Sequence[str] | ListError) -> tuple[Column, ...]:
    try:
        if isinstance(cells, ListError):
            raise cells
        columns = read_headers(cells)
    except (ListError, HeaderError) as error:
        raise DefinitionError([Problem(file.name, line, 0, str(error))]) from error
    if not any(column.field == _PHONE for column in columns):
        hint = "name one phone_number, phone or 電話番号"
        raise DefinitionError([Problem(file.name, line, 0, "no column is a phone number", hint=hint)])
    return columns


def _addressee(columns: Sequence[Column], cells: Sequence[str] | ListError, *, country: str) -> Addressee:
    if isinstance(cells, ListError):
        raise cells
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells in a list of {len(columns)} columns")
    given = {(column.attribute or column.field): cell.strip() for column, cell in zip(columns, cells, strict=True)}
    values = {name: _READERS.get(name, str)(text) for name, text in given.items() if text and name != _PHONE}
    return Addressee(read_phone(given[_PHONE], country=country), values)

"""Whom a direct send goes to: numbers as they are typed, or the rows of a list with values for the text."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from lumiere_sms.audience.cells import read_count, read_date, read_money
from lumiere_sms.audience.headers import Column, HeaderError, read_headers
from lumiere_sms.audience.lists import open_list, read_each, read_header, read_rows
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
    columns = read_header(file, rows, _columns)
    addressees, problems = read_each(file, rows, columns, partial(_addressee, columns, country=country))
    if problems:
        raise DefinitionError(problems)
    return addressees


def _columns(cells: Sequence[str]) -> tuple[Column, ...]:
    columns = read_headers(cells)
    if not any(column.field == _PHONE for column in columns):
        raise HeaderError(["no column is a phone number"], hint="name one phone_number, phone or 電話番号")
    return columns


def _addressee(columns: Sequence[Column], _line: int, cells: Sequence[str], *, country: str) -> Addressee:
    given = {(column.attribute or column.field): cell.strip() for column, cell in zip(columns, cells, strict=True)}
    values = {name: _READERS.get(name, str)(text) for name, text in given.items() if text and name != _PHONE}
    return Addressee(read_phone(given[_PHONE], country=country), values)

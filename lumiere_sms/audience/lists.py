"""A customer list as a file: its encoding, its delimiter, its rows, each with the line it begins on.

Spreadsheets in Japan save CSV as Shift_JIS (Microsoft's cp932), newer ones as UTF-8 with or without a
byte order mark; commas, semicolons and tabs all part cells. A file is read twice, never kept: once for
its bytes, once for its rows.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from lumiere_sms.audience.headers import HeaderError
from lumiere_sms.errors import DefinitionError, Problem

T = TypeVar("T")

CHUNK = 1 << 20
LONGEST_LINE = 1_000_000
LONGEST_CELL = 10_000
ENCODINGS = {"utf-8": "utf-8-sig", "shift_jis": "cp932"}
# Bytes that no Japanese text uses, and what cp932 makes of them instead of an error. UTF-8 never gives the last three,
# and a list with the first two was saved as something else.
_CP932_BYTES = {"\x80": 0x80, "\uf8f0": 0xA0, "\uf8f1": 0xFD, "\uf8f2": 0xFE, "\uf8f3": 0xFF}
_NOT_JAPANESE = re.compile(f"[{''.join(_CP932_BYTES)}]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ListError(Exception):
    """A row that cannot be read; `line` is where it begins, `fatal` says that what follows makes no sense either."""

    def __init__(self, line: int, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.line = line
        self.fatal = fatal


Row = tuple[int, list[str] | ListError]


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that can be read. `lines` counts its line ends, `encoding` is Python's name of it."""

    path: Path
    name: str
    encoding: str
    lines: int


def open_list(path: Path, *, encoding: str = "") -> ListFile:
    """Find out how a file is to be read. `encoding` is auto, utf-8 or shift_jis; empty: auto, where none can be named.

    Raises: DefinitionError when it cannot be read, is empty, holds a NUL or is in no encoding tried.
    """
    _require_readable(path)
    tried = list(ENCODINGS) if encoding in {"", "auto"} else [encoding]
    failures: list[_UndecodableError] = []
    for name in tried:
        try:
            return ListFile(path, str(path), ENCODINGS[name], _count_lines(path, ENCODINGS[name]))
        except _UndecodableError as failure:
            failures.append(failure)
            if failure.after_others:  # it began well: a damaged file of this encoding, not one of another
                break
    said = f"byte 0x{failures[0].byte:02x} is not {' or '.join(tried[: len(failures)])}"
    raise DefinitionError(
        [Problem(str(path), failures[0].line, 0, said)],
        hint="save it as CSV UTF-8" + (", or name its encoding with --encoding" if encoding else ""),
    )


def read_rows(file: ListFile) -> Iterator[Row]:
    """Give out the rows with the line each begins on; a row that cannot be read as the ListError it is.

    A fatal one is the last. Rows without anything in them are left out.
    """
    with file.path.open(encoding=file.encoding, newline="") as stream:
        delimiter = _delimiter(stream.readline(LONGEST_LINE))
        stream.seek(0)
        rows = csv.reader(_lines(stream), delimiter=delimiter, strict=True)
        while True:
            line = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                wrong = _wrong_row(line, rows.line_num, str(error))
                yield line, wrong
                if wrong.fatal:
                    return
            except ListError as error:
                yield line, error
                return
            else:
                if any(row):
                    yield line, row


def read_header(file: ListFile, rows: Iterator[Row], read: Callable[[list[str]], T]) -> T:
    """Return what `read` makes of the first of the rows. Raises: DefinitionError, also with what a HeaderError says."""
    line, cells = next(rows, (0, []))
    if isinstance(cells, ListError) or not cells:
        raise DefinitionError([Problem(file.name, line, 0, str(cells or "the file has no header"))])
    try:
        return read(cells)
    except HeaderError as error:
        problems = [Problem(file.name, line, 0, problem, hint=error.hint) for problem in error.problems]
        raise DefinitionError(problems) from error


def read_each(
    file: ListFile, rows: Iterator[Row], columns: Sequence[object], read: Callable[[int, list[str]], T]
) -> tuple[list[T], list[Problem]]:
    """Return what `read` makes of each line that has as many cells as there are columns, and what is wrong with others.

    `read` raises ValueError for a line that is wrong.
    """
    found: list[T] = []
    problems: list[Problem] = []
    for line, cells in rows:
        try:
            found.append(read(line, same_length(cells, columns)))
        except (ListError, ValueError) as error:
            problems.append(Problem(file.name, line, 0, str(error), hint=getattr(error, "hint", "")))
    return found, problems


def same_length(row: list[str] | ListError, columns: Sequence[object]) -> list[str]:
    """Return a row that has as many cells as there are columns. Raises: ListError as it came, ValueError."""
    if isinstance(row, ListError):
        raise row
    if len(row) != len(columns):
        cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
        raise ValueError(f"{cells}, but the header has {len(columns)}")
    return row


def _require_readable(path: Path) -> None:
    try:
        if not path.is_file():
            raise _whole(path, "is no file" if path.exists() else "does not exist")
    except OSError as error:  # in a folder that this account may not enter, or too long a name
        raise _whole(path, f"cannot be read: {error.strerror}") from error


class _UndecodableError(Exception):
    """A byte that the encoding does not know; `after_others` says that it knew some beyond ASCII before it."""

    def __init__(self, line: int, byte: int, *, after_others: bool) -> None:
        super().__init__(line, byte)
        self.line = line
        self.byte = byte
        self.after_others = after_others


def _count_lines(path: Path, encoding: str) -> int:
    """Decode the whole file for its errors, and count its line ends."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, at, beyond_ascii = 0, 0, False
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK) or None, None):
            _refuse_binary(path, chunk, at=at, lines=lines)
            _decode(decoder, chunk, lines=lines, beyond_ascii=beyond_ascii)
            lines += chunk.count(b"\n")
            at += len(chunk)
            beyond_ascii = beyond_ascii or not chunk.isascii()
    if at == 0:
        raise _whole(path, "is empty")
    _decode(decoder, b"", lines=lines, beyond_ascii=beyond_ascii)
    return lines


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, *, lines: int, beyond_ascii: bool) -> None:
    """Decode a chunk, the last when it is empty. Raises: _UndecodableError."""
    try:
        text = decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        good = error.object[: error.start]
        after_others = error.encoding != "cp932" and (beyond_ascii or not good.isascii())
        raise _UndecodableError(
            lines + good.count(b"\n") + 1, error.object[error.start], after_others=after_others
        ) from error
    if odd := _NOT_JAPANESE.search(text):
        byte = _CP932_BYTES[odd[0]]
        raise _UndecodableError(lines + text.count("\n", 0, odd.start()) + 1, byte, after_others=False)


def _refuse_binary(path: Path, chunk: bytes, *, at: int, lines: int) -> None:
    if at == 0 and chunk.startswith(_UTF16):
        raise _whole(path, "is UTF-16", hint="save it as CSV UTF-8")
    if at == 0 and chunk.startswith(b"PK\x03\x04"):
        raise _whole(path, "is a workbook, not a CSV", hint="save it as CSV UTF-8")
    if (place := chunk.find(b"\0")) >= 0:
        line = lines + chunk.count(b"\n", 0, place) + 1
        raise DefinitionError([Problem(str(path), line, 0, "a NUL byte stands in this line; a list has none")])


def _whole(path: Path, message: str, *, hint: str = "") -> DefinitionError:
    return DefinitionError([Problem(str(path), 0, 0, message)], hint=hint)


def _delimiter(header: str) -> str:
    """Return what parts the cells of the header: the commonest of comma, semicolon and tab outside quotes."""
    bare = "".join(header.split('"')[::2])
    return max(",;\t", key=bare.count)


def _lines(stream: IO[str]) -> Iterator[str]:
    for number, line in enumerate(iter(partial(stream.readline, LONGEST_LINE + 1), ""), start=1):
        if len(line) > LONGEST_LINE:
            raise ListError(number, f"a line of more than {LONGEST_LINE:,} characters", fatal=True)
        yield line


def _wrong_row(first: int, last: int, message: str) -> ListError:
    if message.startswith("unexpected end") or (message.startswith("field larger") and last > first):
        return ListError(first, "a quote is opened here and never closed", fatal=True)
    if message.startswith("field larger"):
        return ListError(first, f"a cell holds more than {LONGEST_CELL:,} characters")
    return ListError(first, "text follows a closing quote; inside quotes, write a quote twice")

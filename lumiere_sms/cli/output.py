"""How results look: tables for people, one JSON document for machines.

Results go to stdout, everything else to stderr. Colour and bars appear on a terminal only.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TextIO
from zoneinfo import ZoneInfo

import typer

from lumiere_sms.logs import mask_phone

if TYPE_CHECKING:
    from rich.console import Console

    from lumiere_sms.cli.columns import Column, Layout

By = Annotated[str, typer.Option(help="Who; kept in the audit log.", envvar="USER")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ShowPhones = Annotated[bool, typer.Option("--show-phones", help="Print whole phone numbers.")]

PIPED_WIDTH = 200  # columns where nothing says how wide the reader is
# All but the tab and the line feed; and what turns the direction of writing about.
_INERT = dict.fromkeys(
    (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "·"
)


def console(*, stderr: bool = False, width: int | None = None) -> "Console":
    """Return a rich console that prints no colour, and cuts nothing, when piped; as wide as its reader or `width`."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = width or (None if stream.isatty() else PIPED_WIDTH)
    return Console(file=stream, highlight=False, soft_wrap=False, width=width)


def inert(text: str) -> str:
    """Show a control character, which a list or a text may bring along and a terminal would obey, as a dot."""
    return text.translate(_INERT)


def print_json(value: Any) -> None:
    """Print one JSON document: ISO 8601 times, decimals as text, dataclasses as objects."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def print_text(text: str) -> None:
    """Print a result as it stands, but for characters that would steer a terminal."""
    sys.stdout.write(inert(text if text.endswith("\n") else text + "\n"))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "nothing to show") -> None:
    """Print a table; `empty` stands for no rows.

    A column whose name starts with ">" is aligned to the right, one with "?" before that is left out
    where the terminal has no room for it.
    """
    from lumiere_sms.cli.columns import Column, lay_out

    lines = [[inert("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not lines:
        say(empty)
        return
    cells = zip(*lines, strict=True)
    made = [Column(name.lstrip("?>"), texts, name.startswith("?")) for name, texts in zip(columns, cells, strict=True)]
    _print_columns(made, lay_out(made, room=console().width), right=[">" in name[:2] for name in columns])


def _print_columns(columns: "Sequence[Column]", layout: "Layout", *, right: Sequence[bool]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, layout.gap - 2))
    for place, width in zip(layout.shown, layout.widths, strict=True):
        justify: Literal["left", "right"] = "right" if right[place] else "left"
        table.add_column(columns[place].heading, justify=justify, width=width, overflow="fold")
    for row in zip(*(columns[place].cells for place in layout.shown), strict=True):
        table.add_row(*map(Text, row))
    console(width=max(console().width, sum(layout.widths) + layout.gap * len(layout.widths))).print(table)
    hidden = [each for place, each in enumerate(columns) if place not in layout.shown]
    if left_out := [each.heading for each in hidden if any(each.cells)]:
        say(f"left out, since this terminal is narrow: {', '.join(left_out)}")


def print_wrapped(line: str) -> None:
    """Print a line, on a terminal broken between words at its own indent; elsewhere as it stands."""
    text = line.lstrip(" ")
    print_text(fitted(text, sys.stdout, label=line[: len(line) - len(text)]))


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one a line, the values aligned, on a terminal broken too; a None value is left out."""
    from rich.cells import cell_len, set_cell_size

    shown = [(inert(name), value) for name, value in facts if value is not None]
    width = max((cell_len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print_text(fitted(str(value), sys.stdout, label=f"{set_cell_size(name, width)}  "))


def fitted(text: str, stream: TextIO, *, label: str = "") -> str:
    """Return a text behind a label: as it stands, or hanging where a line is wider than the terminal that reads it."""
    from rich.cells import cell_len

    width = console(stderr=stream is sys.stderr).width
    if not stream.isatty() or all(cell_len(label + line) <= width for line in text.splitlines()):
        return label + text
    return "\n".join(hanging(inert(text), width=width, label=label))


def hanging(text: str, *, width: int, label: str) -> Iterator[str]:
    """Yield the lines of a text behind a label, wrapped by the columns it takes: a Japanese character takes two."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    for line in Text(text).wrap(Console(width=width), width - cell_len(label)):
        yield label + line.plain.rstrip()
        label = " " * cell_len(label)


def say(text: str) -> None:
    """Tell the person something that is no result (stderr)."""
    sys.stderr.write(text + "\n")


def local(instant: datetime | None, zone: str) -> str:
    """Write an instant as people see it.

    >>> from datetime import UTC
    >>> local(datetime(2026, 3, 15, 1, 0, tzinfo=UTC), "Asia/Tokyo")
    '2026-03-15 10:00 JST'
    """
    return "" if instant is None else instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def phone(number: str | None, *, show_phones: bool) -> str | None:
    """Return a number as it may be shown; what stands in for an erased one is none.

    >>> phone("+819012345678", show_phones=False), phone("erased", show_phones=False)
    ('+81········78', 'erased')
    """
    return number if show_phones or not number or not number.startswith("+") else mask_phone(number)


def cut(text: str, columns: int) -> str:
    """Return a text as it fits so many columns, of which a Japanese character takes two.

    >>> cut("田中花子様", 8)
    '田中花…'
    """
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= columns else f"{set_cell_size(text, columns - 1).rstrip()}…"


def counted(count: int, one: str, many: str = "") -> str:
    """Say how many there are of something.

    >>> counted(1, "part"), counted(1_200, "part"), counted(2, "person", "people")
    ('1 part', '1,200 parts', '2 people')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


class Progress(Protocol):
    """Told how far a long piece of work has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Take the count so far, and the total once it is known."""
        ...


@contextmanager
def progress(title: str, *, quiet: bool = False, every: float = 5.0) -> Iterator[Progress]:
    """Show a bar on a terminal, a plain line `every` few seconds otherwise; nothing when `quiet`."""
    if quiet:
        yield lambda done, total=None: None  # noqa: ARG005 - says nothing
    elif sys.stderr.isatty():
        with _bar(title) as advance:
            yield advance
    else:
        yield _plain_lines(title, every)


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _plain_lines(title: str, every: float) -> Progress:
    from time import monotonic

    last = monotonic()

    def advance(done: int, total: int | None = None) -> None:
        nonlocal last
        if monotonic() - last >= every:
            last = monotonic()
            say(f"{title}: {done:,}" + (f" of {total:,}" if total else ""))

    return advance


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case set() | frozenset() | tuple():
            return list(value)
        case Decimal():
            return str(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

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
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ShowPhones = Annotated[bool, typer.Option("--show-phones", help="Print whole phone numbers.")]

PIPED_WIDTH = 200  # columns where nothing says how wide the reader is


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console that prints no colour, and cuts nothing, when piped."""
    from rich.console import Console  # noqa: PLC0415 - 30 ms that `--json` and `--help` do without

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, soft_wrap=False, width=None if stream.isatty() else PIPED_WIDTH)


def print_json(value: Any) -> None:
    """Print one JSON document: ISO 8601 times, decimals as text, dataclasses as objects."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def print_text(text: str) -> None:
    """Print a result as it stands."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "nothing to show") -> None:
    """Print a table. A column whose name starts with ">" is aligned to the right. `empty` stands for no rows."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines = [[Text("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not lines:
        say(empty)
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    for line in lines:
        table.add_row(*line)
    console().print(table)


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one a line, the values aligned; a None value is left out."""
    shown = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print_text(f"{name:<{width}}  {value}")


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _plain_lines(title: str, every: float) -> Progress:
    from time import monotonic  # noqa: PLC0415

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

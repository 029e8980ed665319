"""Which columns of a table a terminal has room for, and how wide each may be.

A table that fits is shown whole. In one that does not, columns without a single value go first, then those
that may be left out, then lines are broken between words; a word is broken only where nothing else helps.
Japanese has no spaces and may be broken anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

ROOMY, TIGHT = 3, 2  # blanks between two columns
LONGEST_WORD = 24  # what is longer is broken
NARROWEST = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading and texts, and whether it may be left out."""

    heading: str
    cells: tuple[str, ...]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are shown, by their place, how wide each is, and how many blanks part them."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    gap: int


def lay_out(columns: Sequence[Column], *, room: int) -> Layout:
    """Fit columns into `room` terminal columns.

    >>> lay_out([Column("name", ("Hanako Tanaka",)), Column("visits", ("3",))], room=80).widths
    (13, 6)
    >>> lay_out([Column("name", ("Hanako Tanaka",)), Column("visits", ("3",))], room=18)
    Layout(shown=(0, 1), widths=(10, 6), gap=2)
    """
    shown = _shown(columns, room)
    whole = [_width(columns[place], room) for place in shown]
    if _total(whole, ROOMY) <= room:
        return Layout(tuple(shown), tuple(whole), ROOMY)
    between_words = _narrowed(whole, [_longest_word(columns[place]) for place in shown], room)
    widths = _narrowed(between_words, [NARROWEST] * len(shown), room)
    return Layout(tuple(shown), tuple(widths), TIGHT)


def _shown(columns: Sequence[Column], room: int) -> list[int]:
    """Leave out columns, the last first, until the rest fits or none may go any more."""
    shown = list(range(len(columns)))
    empty = [place for place in shown if not any(columns[place].cells)]
    optional = [place for place in shown if columns[place].is_optional and place not in empty]
    for place in (*reversed(empty), *reversed(optional)):
        if _total([_width(columns[each], room) for each in shown], TIGHT) <= room:
            break
        shown.remove(place)
    return shown


def _narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Take from the widest column until the table fits or each is at its least."""
    narrowed = list(widths)
    while _total(narrowed, TIGHT) > room:
        wider = [place for place, width in enumerate(narrowed) if width > least[place]]
        if not wider:
            break
        narrowed[max(wider, key=lambda place: narrowed[place])] -= 1
    return narrowed


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _width(column: Column, room: int) -> int:
    lines = [line for text in (column.heading, *column.cells) for line in text.splitlines()]
    return min(room, max(map(cell_len, lines), default=0))


def _longest_word(column: Column) -> int:
    words = [word for text in (column.heading, *column.cells) for word in text.split()]
    return min(LONGEST_WORD, max((len(word) for word in words if cell_len(word) == len(word)), default=NARROWEST))

"""From a path into plain data, or a position inside a text, back to the place in the file.

A path names keys and list positions: `("campaigns", "spring", "window", 0)`. Keys are compared in
snake_case, because `batchSize` and `batch_size` are one key.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from lumiere_sms.definitions.nodes import Listing, Mapping, Node, Scalar, Source, Span

Path = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Written:
    """A text where a file has it."""

    source: Source
    scalar: Scalar

    def place(self, line: int, column: int) -> tuple[str, int, int]:
        """Return file, line and column of a place inside the text, all counted from 1."""
        span = span_inside(self.source, self.scalar, line=line, column=column)
        return self.source.file, span.line + 1, span.column + 1


_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CAMEL = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")
_ANY = re.compile(r".", re.DOTALL)
_UNITS = {  # by quote: one character as it is written
    '"': re.compile(r"\\(?:x..|u....|U........|.)|.", re.DOTALL),
    "'": re.compile(r"''|.", re.DOTALL),
}
_BLOCK = ("|", ">")
_SPACES = frozenset("tnrvfNLP_ \t\n")  # what a backslash turns into white space


def snake(key: str) -> str:
    """Return a camelCase key in snake_case, any other as it is.

    >>> snake("sendRatePerMinute"), snake("VIP"), snake("顧客")
    ('send_rate_per_minute', 'VIP', '顧客')
    """
    return _HUMP.sub("_", key).lower() if _CAMEL.fullmatch(key) else key


def span_at(root: Node, path: Path, *, key: bool = False) -> Span:
    """Return where the value of a path stands, or its key; of a path that leads too far, the last key there is."""
    name: Scalar | None = None
    node = root
    for step in path:
        found = _step(node, step)
        if found is None:
            key = isinstance(node, Mapping | Listing)
            break
        name, node = found
    return name.span if name and (key or _is_empty(node)) else node.span


def node_at(root: Node, path: Path) -> Node | None:
    """Return the node of a path; None where there is none."""
    node = root
    for step in path:
        found = _step(node, step)
        if found is None:
            return None
        node = found[1]
    return node


def span_inside(source: Source, scalar: Scalar, *, line: int, column: int, width: int = 1) -> Span:
    """Return where the character at `line` and `column` (counted from 1) of a scalar's text stands in the file.

    Indents, folds and quotes lie between the two, so what is counted are the characters that are
    no white space: those are the same, and in the same order, here and there.
    """
    before = scalar.text.split("\n")
    seen = sum(_count(text) for text in before[: line - 1]) + _count("".join(before[line - 1 : line])[: column - 1])
    written = _written(source, scalar)
    if seen >= len(written):
        return scalar.span
    at_line, at_column = written[seen]
    return Span(at_line, at_column, at_line, at_column + width)


def _step(node: Node, step: str | int) -> tuple[Scalar | None, Node] | None:
    match node:
        case Mapping(entries):
            return next((entry for entry in entries if snake(entry[0].text) == snake(str(step))), None)
        case Listing(items) if isinstance(step, int) and step < len(items):
            return None, items[step]
    return None


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text and not node.style


def _count(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _written(source: Source, scalar: Scalar) -> list[tuple[int, int]]:
    """Return where each character of a scalar that is no white space is written."""
    span = scalar.span
    lines = list(source.lines[span.line : span.end_line + 1])
    lines[-1] = lines[-1][: span.end_column] if len(lines) > span.end_line - span.line else lines[-1]
    lines[0] = "" if scalar.style in _BLOCK else " " * span.column + lines[0][span.column :]  # no header, no key
    body = "\n".join(lines)
    if scalar.style in _UNITS:
        body = " " * (span.column + 1) + body[span.column + 1 : -1]  # no quotes
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    found = [unit.start() for unit in _UNITS.get(scalar.style, _ANY).finditer(body) if not _is_space(unit[0])]
    rows = ((at, bisect_right(starts, at) - 1) for at in found)
    return [(span.line + row, at - starts[row]) for at, row in rows]


def _is_space(unit: str) -> bool:
    """Say whether one character, as written, stands for white space."""
    if unit[0] != "\\" or len(unit) == 1:
        return unit.isspace()
    return chr(int(f"0x{unit[2:]}", 0)).isspace() if unit[1] in "xuU" else unit[1] in _SPACES

"""YAML as nodes: what stands where, every scalar as the operator wrote it.

A YAML loader would read `21:00` as 1260, `+819012345678` as a number without its plus, `no` as
False, and keep the last of two equal keys without a word. So the parser's events are put together
here: a scalar stays text, every node keeps its place, and both of two equal keys survive.

Aliases are refused (a few lines of them can stand for gigabytes), so are tags and depths that no
definition needs. YAML 1.1, its line breaks included (https://yaml.org/spec/1.1/#id871136).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import yaml

from lumiere_sms.errors import DefinitionError, Problem

DEEPEST = 32  # levels of mappings and lists

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where something stands, lines and columns counted from 0."""

    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def of(cls, event: Any) -> Self:
        """Return where a parser's event stands."""
        start, end = event.start_mark, event.end_mark
        return cls(start.line, start.column, end.line, end.column)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text. `style` is its quote, `|` or `>`, or empty for a plain one."""

    text: str
    style: str
    span: Span


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple["Node", ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order they stand; equal keys are all there."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    span: Span


Node = Scalar | Listing | Mapping


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and lines, for showing a place."""

    file: str
    text: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, file: str, text: str) -> Self:
        """Split a text into lines as YAML does."""
        return cls(file, text, tuple(_BREAK.split(text)))

    def problem(self, span: Span, message: str, *, hint: str = "") -> Problem:
        """Make a problem that underlines the first line of a span."""
        source = self.lines[span.line] if span.line < len(self.lines) else ""
        end = span.end_column if span.end_line == span.line else len(source.rstrip())
        width = max(1, end - span.column)
        return Problem(self.file, span.line + 1, span.column + 1, message, hint, source, width)


def compose(source: Source) -> Node | None:
    """Return the one document of a file; None when nothing is in it.

    Raises: DefinitionError with one problem: after the first place that is no YAML nothing can be told.
    """
    _require_printable(source)
    try:
        return _document(yaml.parse(source.text, Loader=_LOADER), source)
    except yaml.MarkedYAMLError as error:
        raise DefinitionError([_problem_of(error, source)]) from error


def plain(node: Node) -> Any:
    """Return a node as dict, list, str or None; of equal keys the first counts."""
    match node:
        case Scalar(text, style):
            return None if style == "" and text in _EMPTY else text
        case Listing(items):
            return [plain(item) for item in items]
        case Mapping(entries):
            data: dict[str, Any] = {}
            for key, value in entries:
                data.setdefault(key.text, plain(value))
            return data


def _document(events: Iterator[Any], source: Source) -> Node | None:
    root: Node | None = None
    for event in events:
        match event:
            case yaml.DocumentStartEvent() if root is not None:
                raise _refusal(source, event, "a second document begins here", "write one document to a file")
            case yaml.NodeEvent():
                root = _node(event, events, source)
    return root


def _node(event: Any, events: Iterator[Any], source: Source, depth: int = 0) -> Node:
    if depth > DEEPEST:
        raise _refusal(source, event, f"this is nested deeper than {DEEPEST} levels")
    if isinstance(event, yaml.AliasEvent):
        hint = f'quote a text that begins with "*"; write out what "*{event.anchor}" stands for'
        raise _refusal(source, event, "aliases are not allowed", hint)
    if event.tag is not None:
        raise _refusal(source, event, "tags are not allowed", 'quote a text that begins with "!"')
    match event:
        case yaml.ScalarEvent():
            return Scalar(event.value, event.style or "", Span.of(event))
        case yaml.SequenceStartEvent():
            return Listing(tuple(_items(events, source, depth)), Span.of(event))
        case _:
            return Mapping(tuple(_entries(events, source, depth)), Span.of(event))


def _items(events: Iterator[Any], source: Source, depth: int) -> Iterator[Node]:
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        yield _node(event, events, source, depth + 1)


def _entries(events: Iterator[Any], source: Source, depth: int) -> Iterator[tuple[Scalar, Node]]:
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            return
        key = _node(event, events, source, depth + 1)
        if not isinstance(key, Scalar):
            braces = "{{" in source.lines[key.span.line]
            raise _refusal(source, event, *(_BRACES if braces else ("a key must be a text", _QUOTE)))
        yield key, _node(next(events), events, source, depth + 1)


def _refusal(source: Source, event: Any, message: str, hint: str = "") -> DefinitionError:
    return DefinitionError([source.problem(Span.of(event), message, hint=hint)])


def _require_printable(source: Source) -> None:
    for found in _UNPRINTABLE.finditer(source.text):
        line = len(_BREAK.findall(source.text, 0, found.start()))
        column = found.start() - max((end.end() for end in _BREAK.finditer(source.text, 0, found.start())), default=0)
        message = f"the character U+{ord(found[0]):04X} cannot be shown and is not allowed in a definition"
        raise DefinitionError([source.problem(Span(line, column, line, column + 1), message, hint="remove it")])


_QUOTE = 'quote a text that begins with "{" or "["'
_BRACES = 'a text that begins with "{{" needs quotes', 'write "{{ name }} …", or | and the text on the next line'

# What the parser says (libyaml's wording or PyYAML's own) → what an operator can do about it.
_SAID = (
    ("mapping values are not allowed", 'a ":" is not expected here', 'quote a text that holds ": "; check the indent'),
    ("found unexpected end of stream", "the quote that opens here is never closed", "close it"),
    ("unexpected end of stream", "the quote that opens here is never closed", "close it"),
    ("unknown escape character", "there is no such escape", "inside double quotes write \\\\ for a backslash"),
    ("expected node content", "a value was expected here", "write one, or close the bracket"),
    ("while parsing a flow", "this bracket is never closed, or a comma is missing", _QUOTE),
    ("alphabetic or numeric character", "no name follows", 'quote a text that begins with "*" or "&"'),
    ("could not find expected ':'", 'a ":" is missing after this key', "write key: value"),
    ("did not find expected '-' indicator", "a list item was expected here", 'begin it with "- ", under the others'),
    ("incompatible YAML document", "this version of YAML is not known", "remove the %YAML line"),
)


def _problem_of(error: yaml.MarkedYAMLError, source: Source) -> Problem:
    said = f"{error.context or ''} {error.problem or ''}"
    opens = any(part in said for part in ("quoted scalar", "parsing a flow", "expected ':'")) and "escape" not in said
    mark = (error.context_mark if opens else None) or error.problem_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    message, hint = _sentence(said, source.lines[line] if line < len(source.lines) else "", column)
    return source.problem(Span(line, column, line, column + 1), message, hint=hint)


def _sentence(said: str, written: str, column: int) -> tuple[str, str]:
    if written[column:].startswith("\t"):
        return "a tab cannot indent", "use spaces"
    if "cannot start any token" in said:
        return f'a text cannot begin with "{written[column : column + 1]}"', "quote it"
    if re.search(r"[:-]\s+\{\{", written):
        return _BRACES
    for part, message, hint in _SAID:
        if part in said:
            return message, hint
    return "a key was expected here", "check the indent, and quote a text that holds quotes or brackets"

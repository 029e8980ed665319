"""From a document to its definitions: the sections, the names below them, and keys that stand twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lumiere_sms.audience.fields import guess
from lumiere_sms.definitions.nodes import Listing, Mapping, Node, Scalar, Source, compose, plain
from lumiere_sms.definitions.places import Path, snake, span_at
from lumiere_sms.errors import Problem, quoted

SECTIONS = {"defaults": "defaults", "templates": "template", "segments": "segment", "campaigns": "campaign"}
_BEGIN = "a file begins with templates:, segments: or campaigns:"


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition as it stands in a file: its kind, its name and what is written below."""

    kind: str
    name: Scalar
    node: Node
    source: Source

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column of the name, counted from 1."""
        return self.source.file, self.name.span.line + 1, self.name.span.column + 1

    def data(self) -> Any:
        """Return what is written as plain data, its first level of keys in snake_case."""
        data = plain(self.node)
        if not isinstance(data, dict):
            return data
        known: dict[str, Any] = {}
        for key, value in data.items():
            known.setdefault(snake(key), value)
        return known

    def problem(self, path: Path, message: str, *, hint: str = "", at_key: bool = False) -> Problem:
        """Make a problem at the value of a path, or at its key; at the name where the path leads nowhere."""
        root = Mapping(((self.name, self.node),), self.name.span)
        span = span_at(root, (self.name.text, *path), key=at_key)
        return self.source.problem(span, message, hint=hint)


def read_entries(source: Source) -> tuple[list[Entry], list[Problem]]:
    """Return the definitions of a file, and what is wrong with how they stand there.

    Raises: DefinitionError when the file is no YAML.
    """
    root = compose(source)
    if root is None or plain(root) is None:
        return [], [Problem(source.file, 0, 0, "this file holds no definitions", _BEGIN)]
    if not isinstance(root, Mapping):
        return [], [source.problem(root.span, "definitions were expected here", hint=_BEGIN)]
    problems = list(_twins(root, source))
    entries: list[Entry] = []
    for key, node in root.entries:
        found, wrong = _section(key, node, source)
        entries += found
        problems += wrong
    problems += [problem for entry in entries for problem in _all_twins(entry.node, source)]
    return entries, problems


def _section(key: Scalar, node: Node, source: Source) -> tuple[list[Entry], list[Problem]]:
    kind = SECTIONS.get(key.text)
    if kind is None:
        hint = guess(key.text, list(SECTIONS)) or f"known are {', '.join(SECTIONS)}"
        return [], [source.problem(key.span, f"unknown key {quoted(key.text)}", hint=hint)]
    if kind == "defaults":
        return [Entry(kind, key, node, source)], []
    if isinstance(node, Mapping):
        return [Entry(kind, name, below, source) for name, below in node.entries], []
    if plain(node) is None:
        return [], []
    hint = f"write each {kind}'s name as a key, and its definition below"
    return [], [source.problem(node.span, f'"{key.text}" must hold names', hint=hint)]


def _all_twins(node: Node, source: Source) -> Iterator[Problem]:
    match node:
        case Mapping(entries):
            yield from _twins(node, source)
            for _, below in entries:
                yield from _all_twins(below, source)
        case Listing(items):
            for item in items:
                yield from _all_twins(item, source)


def _twins(mapping: Mapping, source: Source) -> Iterator[Problem]:
    first: dict[str, Scalar] = {}
    for key, _ in mapping.entries:
        before = first.setdefault(snake(key.text), key)
        if before is not key:
            written = "" if before.text == key.text else f" as {quoted(before.text)}"
            message = (
                f"the key {quoted(key.text)} stands here twice; the first is on line {before.span.line + 1}{written}"
            )
            yield source.problem(key.span, message)

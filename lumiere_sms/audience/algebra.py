"""Segments made of segments: `in_segment`, with `and`, `or` and `not`, nested however deep, never in a circle."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from lumiere_sms.audience.behaviour import IN_SEGMENT, Deed, Did, InSegment, Members
from lumiere_sms.audience.criteria import And, Comparison, Criterion, Not, Or, Path
from lumiere_sms.audience.fields import snake
from lumiere_sms.errors import StateError

#: Whom a segment has, by its name. Raises StateError for one that cannot be used.
Meaning = Callable[[str], Criterion | Members]
MOST_SEGMENTS = 500  # of which one is made, each counted as often as it stands there: more is no query for a database


def segments_in(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each segment that a tree of plain data names, with the path to its name.

    >>> list(segments_in({"and": [{"inSegment": "regulars"}, {"received": "spring"}]}))
    [(('and', 0, 'inSegment'), 'regulars')]
    """
    return _named(tree, frozenset({IN_SEGMENT}), path)


def campaigns_in(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each campaign whose texts a tree of plain data asks about, with the path to its name."""
    return _named(tree, frozenset({*Deed, "campaign"}), path)


def find_circle(name: str, parts: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the segments on a way from `name` back to itself, both ends included; nothing where there is none.

    >>> find_circle("a", {"a": ["b", "c"], "c": ["a"]})
    ('a', 'c', 'a')
    """
    ways: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for part in parts.get(way[-1], ()):
            if part == name:
                return (*way, name)
            if part not in seen:
                seen.add(part)
                ways.append((*way, part))
    return ()


def looked_up(criterion: Criterion, *, meaning: Meaning) -> Criterion:
    """Return the criterion with the meaning of each segment that it names, and of those that these name.

    Raises: StateError for a circle, for one that is made of too many; as `meaning`.
    """
    return _LookUp(meaning).of(criterion, ())


def told_circle(circle: Iterable[str]) -> str:
    """Say that segments go in a circle."""
    return "segments in a circle: " + " → ".join(f'"{name}"' for name in circle)


@dataclass(slots=True)
class _LookUp:
    meaning: Meaning
    known: dict[str, Criterion | Members] = field(default_factory=dict)
    found: int = 0

    def of(self, criterion: Criterion, way: tuple[str, ...]) -> Criterion:
        match criterion:
            case And(parts):
                return And(tuple(self.of(part, way) for part in parts))
            case Or(parts):
                return Or(tuple(self.of(part, way) for part in parts))
            case Not(part):
                return Not(self.of(part, way))
            case Comparison() | Did():
                return criterion
            case InSegment(name):
                return InSegment(name, self._segment(name, way))
            case _:
                assert_never(criterion)

    def _segment(self, name: str, way: tuple[str, ...]) -> Criterion | Members:
        if name in way:
            raise StateError(told_circle((*way[way.index(name) :], name)), hint=f"lumiere-sms segment show {name}")
        self.found += 1
        if self.found > MOST_SEGMENTS:
            raise StateError(f"this is made of more than {MOST_SEGMENTS} segments within segments")
        if name not in self.known:
            self.known[name] = self.meaning(name)
        meant = self.known[name]
        return meant if isinstance(meant, Members) else self.of(meant, (*way, name))


def _named(tree: Any, keys: frozenset[str], path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts that stand below one of some keys, wherever in a tree, but for the values of comparisons."""
    if isinstance(tree, Mapping):
        for key, below in tree.items():
            if snake(str(key)) in keys and isinstance(below, str):
                yield (*path, key), below
            elif key != "value":
                yield from _named(below, keys, (*path, key))
    elif isinstance(tree, list | tuple):
        for place, below in enumerate(tree):
            yield from _named(below, keys, (*path, place))

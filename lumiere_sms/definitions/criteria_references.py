"""What criteria name, wherever they stand: other segments, campaigns; and that segments do not go in a circle."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from lumiere_sms.audience.algebra import campaigns_in, find_circle, segments_in, told_circle
from lumiere_sms.audience.behaviour import EVERYBODY
from lumiere_sms.audience.fields import guess
from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.complaints import MODELS
from lumiere_sms.definitions.entries import Entry
from lumiere_sms.definitions.nesting import trees_in
from lumiere_sms.definitions.places import Path
from lumiere_sms.errors import Problem, quoted

_NAMED = {"segment": segments_in, "campaign": campaigns_in}


def named_in_criteria(
    entries: Collection[Entry], made: Mapping[tuple[str, str], Definition], *, known: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Yield each segment and campaign that criteria name and nothing defines, or that may not be used.

    `known` are the names by kind that exist beside the files.
    """
    names = {kind: {*known.get(kind, ()), *(e.name.text for e in entries if e.kind == kind)} for kind in _NAMED}
    for entry in entries:
        for kind, path, name in _references(entry):
            if name not in names[kind]:
                hint = guess(name, sorted(names[kind])) or f"define it under {kind}s:"
                yield entry.problem(path, f"there is no {kind} {quoted(name)}", hint=hint)
            elif kind == "segment" and not getattr(made.get((kind, name)), "is_active", True):
                message, hint = f"the segment {quoted(name)} is not active", "remove its is_active: false"
                yield entry.problem(path, message, hint=hint)


def segments_in_circles(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Yield each segment of the files that is made of itself, at the place where the circle begins."""
    places: dict[str, dict[str, tuple[Entry, Path]]] = {}
    for entry in entries:
        if entry.kind == "segment":
            found = {name: (entry, path) for kind, path, name in _references(entry) if kind == "segment"}
            places.setdefault(entry.name.text, found)
    for name, parts in places.items():
        if circle := find_circle(name, places):
            entry, path = parts[circle[1]]
            yield entry.problem(path, told_circle(circle), hint="take one of them out")


def _references(entry: Entry) -> Iterator[tuple[str, Path, str]]:
    """Yield what the criteria of a definition name: its kind, its place, its name."""
    for place, grammar, tree in trees_in(MODELS[entry.kind], entry.data()):
        if grammar == "criteria":
            for kind, names in _NAMED.items():
                found = (each for each in names(tree) if each[1] not in EVERYBODY)  # a leaf complains of that itself
                yield from ((kind, (*place, *path), name) for path, name in found)

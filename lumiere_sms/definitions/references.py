"""What holds between definitions: names are unique, what a campaign names exists and may be used."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from lumiere_sms.audience.fields import guess
from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.entries import Entry
from lumiere_sms.definitions.models import CampaignDefinition, TemplateDefinition
from lumiere_sms.definitions.nesting import models_in
from lumiere_sms.definitions.nodes import Scalar
from lumiere_sms.definitions.places import Path, node_at
from lumiere_sms.definitions.values import RESERVED
from lumiere_sms.errors import Problem, quoted
from lumiere_sms.providers.registry import provider_names

Made = Mapping[tuple[str, str], Definition]


def name_twins(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Yield each definition whose name another one has already, in whatever file."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        before = first.setdefault((entry.kind, entry.name.text), entry)
        if before is not entry:
            what = '"defaults"' if entry.kind == "defaults" else f"the {entry.kind} {quoted(entry.name.text)}"
            yield entry.problem((), f"{what} is defined twice; first at {_at(before)}", at_key=True)


def default_twins(entries: Iterable[Entry], made: Made) -> Iterator[Problem]:
    """Yield each template that is the second default of its category."""
    first: dict[str | None, Entry] = {}
    for entry in entries:
        template = made.get((entry.kind, entry.name.text))
        if not isinstance(template, TemplateDefinition) or not template.is_default:
            continue
        before = first.setdefault(template.category, entry)
        if before is not entry:
            among = f"of category {template.category}" if template.category else "without a category"
            message = f"a default template {among} is there already: {quoted(before.name.text)} at {_at(before)}"
            yield entry.problem(("is_default",), message, hint="keep one of them")


def dangling(entries: Iterable[Entry], made: Made, *, known: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Yield what campaigns name and nothing defines, or what may not be used.

    `known` are the names by kind, "template" and "segment", that exist beside the files.
    """
    names = {kind: {*known[kind], *(e.name.text for e in entries if e.kind == kind)} for kind in known}
    names["segment"] |= RESERVED
    for entry in entries:
        for path, kind in _references(entry) if entry.kind == "campaign" else ():
            name = node_at(entry.node, path)
            if isinstance(name, Scalar) and name.text:
                used = made.get((kind, name.text))
                yield from _reference(entry, path, kind, name=name.text, names=names[kind], used=used)


def unknown_providers(entries: Iterable[Entry], made: Made) -> Iterator[Problem]:
    """Yield what is named as a provider and is none that is installed."""
    for entry in entries:
        node = node_at(entry.node, ("providers",))
        named = getattr(made.get((entry.kind, entry.name.text)), "providers", None) if node else None
        for place, text in enumerate(named or ()):
            name, known = text.partition(":")[0], provider_names()
            if name not in known:
                path = ("providers",) if isinstance(node, Scalar) else ("providers", place)
                hint = guess(name, known) or f"known are {', '.join(known)}"
                yield entry.problem(path, f"there is no provider {quoted(name)}", hint=hint)


def _references(entry: Entry) -> Iterator[tuple[Path, str]]:
    """Yield where a campaign, or a part of it, names a template or a segment."""
    for path, model, written in models_in(CampaignDefinition, entry.data()):
        for kind in ("template", "segment"):
            if kind in written and kind in model.model_fields:
                yield (*path, kind), kind


def _reference(
    entry: Entry, path: Path, kind: str, *, name: str, names: Collection[str], used: Definition | None
) -> Iterator[Problem]:
    if name not in names:
        hint = guess(name, sorted(names)) or f"define it under {kind}s:"
        yield entry.problem(path, f"there is no {kind} {quoted(name)}", hint=hint)
    elif used is not None and getattr(used, "is_active", True) is False:
        yield entry.problem(path, f"the {kind} {quoted(name)} is not active", hint="remove its is_active: false")


def _at(entry: Entry) -> str:
    return ":".join(str(part) for part in entry.place)

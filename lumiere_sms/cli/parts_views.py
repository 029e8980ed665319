"""How `lumiere-sms template lint --audience` shows a template over an audience: bars, long values, proposals."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lumiere_sms.planning.parts_of import Decisive, PartsReport

_BAR = 30
_LONGEST = 3  # of the values that are long
_SHOWN = 24  # columns of a value: enough to recognise it


def show_parts(found: "PartsReport", *, as_json: bool) -> None:
    """Show how many parts texts take, and what would make them fewer."""
    if as_json:
        output.print_json({**asdict(found), "cost": found.cost and asdict(found.cost)})
        return
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in found.exclusions.items())
    facts = [("matched", f"{found.matched:,}"), ("left out", left_out or None), ("recipients", f"{found.recipients:,}")]
    output.print_facts([*facts, ("parts", f"{found.parts:,}"), ("price", found.cost)])
    output.print_text("")
    output.print_table(("encoding", ">parts", ">people", ">share", ""), _bars(found), empty="nobody gets a text")
    _say_missing(found)
    for each in found.decisive:
        output.print_text("")
        for line in output.hanging(_decides(each), width=output.console().width, label=""):
            output.print_text(line)
    if found.recipients:
        output.print_text("")
        columns = ("proposal", ">parts", ">price", "write")
        output.print_table(columns, _proposals(found), empty="no proposal makes it cheaper")


def _say_missing(found: "PartsReport") -> None:
    """Say how to give what nobody has."""
    names = [name for reason in found.exclusions if (name := reason.partition("missing_value:")[2])]
    if names and not found.recipients:
        output.say(f"a value that campaigns give is given by --variable {names[0]}=…")


def _bars(found: "PartsReport") -> "Iterator[tuple[Any, ...]]":
    most = max((bar.people for bar in found.histogram), default=1)
    for bar in found.histogram:
        line = "█" * max(1, _BAR * bar.people // most)
        yield bar.encoding, bar.parts, f"{bar.people:,}", f"{bar.people / found.recipients:.1%}", line


def _decides(decisive: "Decisive") -> str:
    """Say for how many people the length of a value decides, and which are the longest.

    >>> from lumiere_sms.planning.parts_of import Decisive
    >>> _decides(Decisive("last_name", 2, (("Bartholomew", 1), ("Smith", 1))))
    'a shorter last_name would save a part for 2 people; longest: Bartholomew (11), Smith (5)'
    """
    people = output.counted(decisive.people, "person", "people")
    longest = ", ".join(
        f"{output.cut(value, _SHOWN)} ({len(value)}{f', {count:,} people' if count > 1 else ''})"
        for value, count in decisive.longest[:_LONGEST]
    )
    return f"a shorter {decisive.variable} would save a part for {people}; longest: {longest}"


def _proposals(found: "PartsReport") -> "Iterator[tuple[Any, ...]]":
    """Yield the rewordings, and of the shortenings the least that saves anything and the one that saves most."""
    shorter = dict.fromkeys((*found.shorter[:1], *found.shorter[-1:]))
    for each in sorted((*shorter, *found.proposals), key=lambda one: -one.parts):
        yield each.says, f"−{each.parts:,}", f"−{each.saved}", each.write or "(your words)"

"""How segments look: previews, differences, checks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output
from lumiere_sms.cli.customer_views import name_of, plain_person

if TYPE_CHECKING:
    from lumiere_sms.audience.checking import Checked, Wrong
    from lumiere_sms.audience.comparing import Difference
    from lumiere_sms.audience.preview import Preview
    from lumiere_sms.planning.segment_diff import Sides


def show_preview(found: "Preview", target: Mapping[str, Any], *, show_phones: bool, as_json: bool) -> None:
    """Show the size of a segment, what each clause drops, and some people."""
    if as_json:
        sample = [plain_person(person, show_phones=show_phones) for person in found.sample]
        clauses = [asdict(clause) for clause in found.clauses]
        output.print_json(
            {**target, "estimated_size": found.size, "of": found.customers, "sample": sample, "clauses": clauses}
        )
        return
    output.print_text(f"{found.size:,} of {found.customers:,} customers")
    if found.clauses:
        lines = ((clause.text, f"{clause.matches:,}", f"{clause.drops:,}") for clause in found.clauses)
        output.print_table(("clause", ">holds for", ">it alone drops"), lines)
    _show_people(found.sample, show_phones=show_phones)


def show_difference(found: "Difference", sides: "Sides", *, show_phones: bool, as_json: bool) -> None:
    """Show who joins and who leaves a segment on the way from one side to the other."""
    if as_json:
        shown = {
            name: [plain_person(person, show_phones=show_phones) for person in getattr(found, name)]
            for name in ("joins", "leaves")
        }
        output.print_json({"from": sides.before, "to": sides.after, **asdict(found), **shown})
        return
    stay = found.before - found.leaving
    facts = ((sides.before, found.before), (sides.after, found.after), ("stay", stay))
    output.print_facts(
        (name, f"{count:,}") for name, count in (*facts, ("join", found.joining), ("leave", found.leaving))
    )
    for verb, count, people in (("joining", found.joining, found.joins), ("leaving", found.leaving, found.leaves)):
        if people:
            output.print_text(f"{verb}:" if len(people) == count else f"{verb}, {len(people)} of {count:,}:")
            _show_people(people, show_phones=show_phones)


def show_checked(found: "Checked", name: str, *, show_phones: bool, as_json: bool) -> None:
    """Show how labels and a segment agree, and who is wrong."""
    if as_json:
        wrong = [_plain_wrong(each, show_phones=show_phones) for each in found.wrong]
        plain = {**asdict(found), "wrong": wrong, "precision": found.precision, "recall": found.recall}
        output.print_json({"segment": name, **plain})
        return
    wanted, there = found.found + found.missed, found.found + found.mistaken
    output.print_facts(
        [
            ("precision", _told(found.precision, f"{found.found:,} of {there:,} in the segment are labelled yes")),
            ("recall", _told(found.recall, f"{found.found:,} of {wanted:,} labelled yes are in the segment")),
            ("labelled", f"{wanted + found.mistaken + found.left_out:,}"),
        ]
    )
    if found.strangers:
        output.say(f"no customer is named by {_lines(found.strangers)}")
    lines = (_wrong_line(each, show_phones=show_phones) for each in found.wrong)
    output.print_table((">line", "number", "name", "phone", "label", "because"), lines, empty="nobody is wrong")


def _told(share: float | None, counts: str) -> str:
    return f"{'–' if share is None else format(share, '.3f')}  {counts}"


def _lines(lines: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, lines[:10])) + (f" and {len(lines) - 10:,} more" if len(lines) > 10 else "")  # noqa: PLR2004 - one line
    return f"line {shown}" if len(lines) == 1 else f"lines {shown}"


def _wrong_line(wrong: "Wrong", *, show_phones: bool) -> tuple[object, ...]:
    because = "; ".join(f"not: {clause}" for clause in wrong.because) if wrong.belongs else "all clauses hold"
    phone = output.phone(wrong.person["phone_number"], show_phones=show_phones)
    label = "yes" if wrong.belongs else "no"
    return wrong.line, wrong.person["external_id"], name_of(wrong.person), phone, label, because


def _plain_wrong(wrong: "Wrong", *, show_phones: bool) -> dict[str, Any]:
    person = plain_person(wrong.person, show_phones=show_phones)
    return {"line": wrong.line, "label": wrong.belongs, "because": wrong.because, **person}


def _show_people(people: tuple[dict[str, Any], ...], *, show_phones: bool) -> None:
    lines = (
        (
            each["external_id"],
            name_of(each),
            output.phone(each["phone_number"], show_phones=show_phones),
            each["visit_count"],
        )
        for each in people
    )
    output.print_table(("number", "name", "phone", ">visits"), lines, empty="nobody to show")

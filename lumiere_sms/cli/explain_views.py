"""How an explanation looks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lumiere_sms.cli import output
from lumiere_sms.planning.clauses import Clause
from lumiere_sms.planning.explain import Explanation
from lumiere_sms.planning.explain_rules import Fact, Verdict

MARKS = {Verdict.PASSES: "✓", Verdict.STOPS: "✗", Verdict.TELLS: "·"}


def shown(explanation: Explanation, *, show_phones: bool) -> dict[str, Any]:
    """Return an explanation as JSON has it, its phone masked unless asked for."""
    return asdict(explanation) | {"phone": output.phone(explanation.phone, show_phones=show_phones)}


def print_overview(found: Sequence[Explanation], *, show_phones: bool) -> None:
    """Print a line for each campaign: what it means for this person."""
    rows = (
        (each.campaign, each.status, each.customer, output.phone(each.phone, show_phones=show_phones), each.verdict)
        for each in found
    )
    output.print_table(
        ("campaign", "status", "?customer", "?phone", "what it means"), rows, empty="no campaign concerns them"
    )


def print_explanation(explanation: Explanation, *, show_phones: bool) -> None:
    """Print the sentence, then every rule with its fact, then the texts that there were."""
    who = " ".join(filter(None, (explanation.customer, output.phone(explanation.phone, show_phones=show_phones))))
    output.print_text(f"{explanation.campaign} → {who}: {explanation.verdict}")
    output.print_text("")
    for line in _lines(explanation.facts, width=output.console().width):
        output.print_text(line)
    if explanation.texts:
        output.print_text("")
        zone = explanation.timezone
        rows = (
            (output.local(each["occurs_at"], zone), each["step"] or each["variant"], each["status"], _when(each, zone))
            for each in explanation.texts
        )
        output.print_table(("run of", "?step or variant", "status", "what happened"), rows)


def _lines(facts: Sequence[Fact], *, width: int) -> Iterator[str]:
    rules = max(len(fact.rule) for fact in facts)
    for fact in facts:
        yield from output.hanging(fact.fact, width=width, label=f"{MARKS[fact.verdict]} {fact.rule:<{rules}}  ")
        for clause in fact.clauses:
            yield from _clause_lines(clause, width=width, depth=rules + 4)


def _clause_lines(clause: Clause, *, width: int, depth: int) -> Iterator[str]:
    value = f"  (theirs: {clause.value})" if clause.value else ""
    label = f"{' ' * depth}{'✓' if clause.holds else '✗'} "
    yield from output.hanging(f"{clause.text}{value}", width=width, label=label)
    for below in clause.below:
        yield from _clause_lines(below, width=width, depth=depth + 2)


def _when(text: dict[str, Any], zone: str) -> str:
    steps = (
        ("from", text["send_after"]),
        ("submitted", text["started_at"]),
        ("delivered", text["delivered_at"]),
    )
    told = [f"{word} {output.local(at, zone)}" for word, at in steps if at]
    why = text["reason"] or text["error_message"] or text["finding"]
    return "; ".join([*told, *([why.replace("_", " ")] if why else [])])

"""How sequences and reminders are shown: who is in, what each step says and what became of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.analytics.sequences import SequenceReport, StepReport

_STEPS = ("step", ">before", ">waiting", ">sent", ">delivered", "others")


def sequence_facts(sequence: "SequenceReport | None", zone: str) -> list[tuple[str, Any]]:
    """Return what is said of a sequence's people; nothing of a campaign without one."""
    if sequence is None:
        return []
    left = ", ".join(f"{reason} {count:,}" for reason, count in sequence.left.items())
    return [
        ("in it now", f"{sequence.people:,}"),
        ("next step", output.local(sequence.next_at, zone) or None),
        ("finished", f"{sequence.finished:,}"),
        ("left", left or None),
    ]


def show_steps(sequence: "SequenceReport | None") -> None:
    """Show what became of each step's texts."""
    if sequence is not None:
        output.print_text("")
        output.print_table(_STEPS, map(_step_row, sequence.steps))


def with_steps(
    columns: Sequence[str], cells: Iterable[Sequence[Any]], recipients: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    """Return the table of recipients with a column for the step or the variant, behind the first, where there are."""
    has_steps = any(each["step"] and each["appointment_at"] is None for each in recipients)
    if not has_steps and not any(each["variant"] for each in recipients):
        return columns, cells
    name = "step" if has_steps else "variant"
    rows = ((first, each[name], *rest) for (first, *rest), each in zip(cells, recipients, strict=True))
    return (columns[0], name, *columns[1:]), rows


def says(campaign: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a campaign says, of a sequence step by step with when each goes, of wordings each with its share."""
    steps, variants = (campaign["definition"].get(name) for name in ("steps", "variants"))
    if variants:
        yield from (f"{name}, {one['weight']:g}%: {_said(one)}" for name, one in variants.items())
        return
    if not steps:
        yield campaign["message_content"]
        return
    for number, step in enumerate(steps, start=1):
        yield f"{number}. {_when(step, is_first=number == 1)}: {_said(step)}"


def remind_facts(campaign: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return when a reminder goes; nothing of other campaigns."""
    remind = campaign["definition"].get("remind")
    if not remind:
        return []
    window = f", {remind['window']}" if remind["window"] else ""
    return [("reminds", f"{remind['before']} before the appointment{window}")]


def _said(wording: Mapping[str, Any]) -> str:
    return wording["message"] or f"template {wording['template']}"


def _when(step: Mapping[str, Any], *, is_first: bool) -> str:
    called = f"{step['name']}, " if step["name"] else ""
    start = "when they enter" if is_first else "at once"
    told = f"{step['after']} after {'they enter' if is_first else 'the one before'}" if step["after"] else start
    window = f", {', '.join(step['window'])}" if step["window"] else ""
    unless = f", unless {' or '.join(step['unless'])}" if step["unless"] else ""
    return f"{called}{told}{window}{unless}"


def _step_row(step: "StepReport") -> tuple[Any, ...]:
    others = " · ".join(f"{status} {count:,}" for status, count in step.others.items())
    numbers = (step.people_before, step.waiting, step.sent, step.delivered)
    return (step.name, *(f"{number:,}" for number in numbers), others)

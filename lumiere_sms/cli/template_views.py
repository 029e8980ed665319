"""How `lumiere-sms template` shows what it found."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from lumiere_sms.cli import output
from lumiere_sms.errors import RefusedError

if TYPE_CHECKING:
    from lumiere_sms.messages.estimates import Money
    from lumiere_sms.messages.lint import Finding
    from lumiere_sms.messages.previews import Preview
    from lumiere_sms.messages.templates import StoredTemplate
    from lumiere_sms.planning.previews import SegmentPreview

COLUMNS = ("name", "category", "?>version", "?>characters", ">parts", "encoding", ">used", "last used", "")


def row(template: "StoredTemplate", zone: str) -> tuple[Any, ...]:
    """Return a template's line of the list."""
    marks = ("" if template.is_active else "inactive", "default" if template.is_default else "")
    return (
        template.name,
        template.category,
        template.version,
        template.character_count,
        template.estimated_segments,
        template.encoding,
        template.usage_count,
        output.local(template.last_used_at, zone),
        " ".join(filter(None, marks)),
    )


def facts(template: "StoredTemplate", zone: str) -> list[tuple[str, Any]]:
    """Return what there is to say of a template."""
    parts = output.counted(template.estimated_segments, "part")
    return [
        ("name", template.name),
        ("version", template.version),
        ("category", template.category),
        ("description", template.description),
        ("subject", template.subject),
        ("variables", ", ".join(template.variables) or None),
        ("tags", ", ".join(template.tags) or None),
        ("transliterate", "yes" if template.transliterate else "no"),
        ("about", f"{template.character_count} characters, {parts}, {template.encoding}"),
        ("active", "yes" if template.is_active else "no"),
        ("default", "yes" if template.is_default else None),
        ("used", output.counted(template.usage_count, "time") if template.usage_count else "never"),
        ("last used", output.local(template.last_used_at, zone) or None),
    ]


def show_preview(seen: "Preview", *, as_json: bool) -> None:
    """Show one text."""
    if as_json:
        output.print_json(_preview_json(seen))
        return
    if seen.samples:
        output.say(f"samples stand for {', '.join(seen.samples)}")
    output.print_text(f"{seen.text}\n")
    output.print_facts(_preview_facts(seen))


def _preview_facts(seen: "Preview") -> list[tuple[str, Any]]:
    forced = " ".join(repr(character)[1:-1] for character in seen.forced.characters)
    saved = f", {seen.saved} less" if seen.saved else ""
    without = output.counted(seen.forced.parts_without, "part")
    how = "transliterate spells them" if seen.forced.spelled else "leave them out"
    return [
        ("characters", len(seen.text)),
        ("encoding", f"{seen.count.encoding} ({seen.count.units} units)"),
        ("parts", seen.count.parts),
        ("price", seen.cost),
        ("forces UCS-2", f"{forced} ({without} without{saved}; {how})" if forced else None),
    ]


def _preview_json(seen: "Preview") -> dict[str, Any]:
    return {
        "text": seen.text,
        "characters": len(seen.text),
        "encoding": seen.count.encoding,
        "units": seen.count.units,
        "parts": seen.count.parts,
        "cost": _money(seen.cost),
        "forcing_characters": seen.forced.characters,
        "parts_without": seen.forced.parts_without if seen.forced.characters else seen.count.parts,
        "saved": _money(seen.saved),
        "samples": seen.samples,
    }


def show_segment(seen: "SegmentPreview", *, worst: bool, as_json: bool, show_phones: bool) -> None:
    """Show a template over a segment; the dearest text only when `worst`."""
    phone = output.phone(seen.dearest_phone, show_phones=show_phones)
    dearest = {"phone_number": phone, **_preview_json(seen.dearest)} if worst and seen.dearest else None
    if as_json:
        kept = {name: value for name, value in asdict(seen).items() if not name.startswith("dearest")}
        output.print_json({**kept, "cost": _money(seen.cost), "dearest": dearest})
        return
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in seen.exclusions.items())
    output.print_facts(
        [
            ("matched", f"{seen.matched:,}"),
            ("left out", left_out or None),
            ("recipients", f"{seen.recipients:,}"),
            ("encodings", ", ".join(f"{name} {count:,}" for name, count in seen.encodings.items()) or None),
            ("parts", f"{seen.parts:,}"),
            ("price", seen.cost),
        ]
    )
    output.print_table((">parts", ">recipients", ""), _bars(seen), empty="nobody gets a text")
    if worst and seen.dearest:
        output.print_text(f"\nthe dearest, to {phone}:\n{seen.dearest.text}\n")
        output.print_facts(_preview_facts(seen.dearest))


def _bars(seen: "SegmentPreview") -> list[tuple[int, str, str]]:
    most = max(seen.parts_of.values(), default=1)
    return [(parts, f"{count:,}", "█" * max(1, 40 * count // most)) for parts, count in seen.parts_of.items()]


def show_findings(findings: Sequence["Finding"], *, as_json: bool) -> None:
    """Show what is to mend; exit 5 when a finding blocks."""
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        columns = ("rule", "place", "finding", "hint", "")
        rows = [(one.rule, _place(one), one.message, one.hint, _effect(one)) for one in findings]
        output.print_table(columns, rows, empty="nothing to mend")
    if any(finding.blocking for finding in findings):
        raise typer.Exit(RefusedError.exit_code)


def _effect(finding: "Finding") -> str:
    return "blocks" if finding.blocking else "overridden" if finding.lifted else ""


def _place(finding: "Finding") -> str:
    return f"{finding.file}:{finding.line}:{finding.column}" if finding.file else f"{finding.line}:{finding.column}"


def _money(money: "Money | None") -> dict[str, str] | None:
    return {"amount": str(money.amount), "currency": money.currency} if money else None

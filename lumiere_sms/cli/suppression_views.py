"""How suppressions look."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.audience.suppression_lists import ImportedSuppressions

COLUMNS = ("phone", "reason", "by", "since", "note")


def show_list(
    found: Sequence[Mapping[str, Any]], *, zone: str, limit: int, page: int, show_phones: bool, as_json: bool
) -> None:
    """Show suppressions as a table, and how to go on when the page is full."""
    shown = [{**row, "phone_number": output.phone(row["phone_number"], show_phones=show_phones)} for row in found]
    if as_json:
        output.print_json(shown)
        return
    rows = [
        (row["phone_number"], row["reason"], row["source"], output.local(row["created_at"], zone), row["note"])
        for row in shown
    ]
    output.print_table(COLUMNS, rows, empty="no numbers on this page" if page > 1 else "there is no such number")
    if len(found) == limit:
        output.say(f"there may be more: --page {page + 1}")


def show_imported(imported: "ImportedSuppressions", *, as_json: bool) -> None:
    """Show what a list of suppressions came to."""
    if as_json:
        output.print_json(asdict(imported))
        return
    output.print_facts((name, f"{getattr(imported, name):,}") for name in ("rows", "added", "known"))
    if imported.dry_run:
        output.say("a dry run: nothing was changed")

"""`lumiere-sms suppression`: numbers that are not texted, whoever has them."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli import suppression_views as views

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Numbers that are not texted: list, add, lift, import, export.",
)

Number = Annotated[str, typer.Argument(metavar="PHONE", help="A phone number.")]


class Reason(StrEnum):
    """Why a number is not texted."""

    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    INVALID_NUMBER = "invalid_number"
    LANDLINE = "landline"
    BLOCKED = "blocked"
    REASSIGNED = "reassigned"


REASONS = ", ".join(Reason)


@app.command("list")
def list_(
    context: typer.Context,
    reason: Annotated[
        Reason | None, typer.Option(metavar="WHY", help=f"Only those for this reason: {REASONS}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many on a page.")] = 50,
    page: Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page.")] = 1,
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """List numbers that are not texted, with the reason.

    Example: lumiere-sms suppression list --reason complaint
    """
    from lumiere_sms.audience.suppressions import list_suppressions

    tenant, wanted = context.obj.tenant, reason.value if reason else None
    with context.obj.database.transaction(read_only=True) as connection:
        paging = {"limit": limit, "skip": limit * (page - 1)}
        found = list(list_suppressions(connection, tenant.id, reason=wanted, **paging))
    views.show_list(found, zone=tenant.timezone, limit=limit, page=page, show_phones=show_phones, as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    phone: Number,
    reason: Annotated[Reason, typer.Option(metavar="WHY", help=f"Why: {REASONS}.")] = Reason.OPTED_OUT,
    note: Annotated[str | None, typer.Option(help="What else is to be known of it.")] = None,
    by: output.By = "operator",
) -> None:
    """Never text a number again, whoever has it.

    opted_out and complaint are noted with everyone who has the number, too.

    Example: lumiere-sms suppression add 090-1234-5678 --reason complaint --note "called on 15 March"
    """
    from lumiere_sms.audience.suppressions import suppress_number

    with context.obj.database.transaction() as connection:
        about = {"reason": reason.value, "note": note, "by": by, "now": context.obj.clock.database_now()}
        is_new = suppress_number(connection, context.obj.tenant, phone, **about)
    output.say("the number is not texted any more" if is_new else "the number is listed already; nothing was changed")


@app.command()
def lift(
    context: typer.Context,
    phone: Number,
    reason: Annotated[str, typer.Option(help="Why; a refusal is lifted only at the person's own word.")],
    by: output.By = "operator",
) -> None:
    """Text a number again. Whoever has it gets what they agreed to before.

    Example: lumiere-sms suppression lift 090-1234-5678 --reason "asked for texts at the desk, 15 March"
    """
    from lumiere_sms.audience.suppressions import lift_number

    with context.obj.database.transaction() as connection:
        lift_number(connection, context.obj.tenant, phone, reason=reason, by=by, now=context.obj.clock.database_now())
    output.say("the number is texted again")


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV with a header and a column of phone numbers.")],
    reason: Annotated[
        Reason, typer.Option(metavar="WHY", help=f"Why, where the list does not say: {REASONS}.")
    ] = Reason.OPTED_OUT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; change nothing.")] = False,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Take in numbers that are not to be texted: phone_number, reason, note, date.

    One bad row is enough to change nothing. The list of another system will do.

    Example: lumiere-sms suppression import unsubscribed.csv --dry-run
    """
    from lumiere_sms.audience.suppression_lists import import_suppressions

    about = {"reason": reason.value, "dry_run": dry_run, "by": by, "now": context.obj.clock.now()}
    imported = import_suppressions(context.obj.database, context.obj.tenant, file, **about)
    views.show_imported(imported, as_json=as_json)


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to write; standard output when left out.")] = None,
) -> None:
    """Write all numbers that are not texted as CSV, whole, for another system.

    Example: lumiere-sms suppression export suppressed.csv
    """
    from lumiere_sms.audience.suppression_lists import export_suppressions
    from lumiere_sms.cli.customer_views import opened

    with (
        context.obj.database.transaction(read_only=True) as connection,
        opened(file, sys.stdout.buffer, bom=False) as stream,
    ):
        count = export_suppressions(connection, context.obj.user_id, stream)
    output.say(f"{output.counted(count, 'number')} exported")

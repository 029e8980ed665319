"""`lumiere-sms customer`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lumiere_sms.cli import customer_views as views
from lumiere_sms.cli import output, person_views
from lumiere_sms.cli.undoing import is_agreed, is_terminal

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Customers: import, list, show, set, export, erase.")

Key = Annotated[str, typer.Argument(help="A customer number, a phone number or an id.")]


class ListEncoding(StrEnum):
    """How a file's letters are written."""

    AUTO = "auto"
    UTF_8 = "utf-8"
    SHIFT_JIS = "shift_jis"


@app.command("import")
def import_list(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.")],
    encoding: Annotated[ListEncoding, typer.Option(help="The file's encoding.")] = ListEncoding.AUTO,
    country: Annotated[str, typer.Option(help="Whose numbers those without + are, such as JP; else yours.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; change nothing.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Take the good rows, leave the others out.")] = False,
    allow_promotional: Annotated[
        bool,
        typer.Option("--allow-promotional", help="These people agreed to advertising, where the list says nothing."),
    ] = False,
    wording: Annotated[
        str | None, typer.Option(help="The words that those who agreed agreed to, where the list says nothing.")
    ] = None,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Add the people of a list, or bring what is known of them up to date.

    Without --skip-bad one bad row is enough to change nothing.

    Example: lumiere-sms customer import customers.csv --dry-run
    """
    from lumiere_sms.audience.imports import ImportOptions, import_customers

    options = ImportOptions(encoding.value, country, dry_run, skip_bad, allow_promotional, wording)
    database, tenant = context.obj.database, context.obj.tenant
    with output.progress("importing", quiet=as_json) as progress:
        imported = import_customers(
            database, tenant, file, options=options, by=by, now=context.obj.clock.now(), progress=progress
        )
    views.show_imported(imported, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Part of a name, a customer number or a phone number.")] = "",
    tag: Annotated[str, typer.Option(help="Only those with this tag.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many on a page.")] = 50,
    page: Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page.")] = 1,
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """List customers, a page at a time.

    Example: lumiere-sms customer list --search 田中 --tag vip
    """
    from lumiere_sms.audience.customers import list_customers

    with context.obj.database.transaction(read_only=True) as connection:
        people = list_customers(connection, context.obj.user_id, search=search, tag=tag, limit=limit, page=page)
    views.show_list(people, limit=limit, page=page, show_phones=show_phones, as_json=as_json)


@app.command()
def show(
    context: typer.Context, key: Key, show_phones: output.ShowPhones = False, as_json: output.AsJson = False
) -> None:
    """Show what is known of a customer; several who share a phone number are listed.

    Example: lumiere-sms customer show 090-1234-5678
    """
    from lumiere_sms.audience.customers import require_customers, standing_of

    tenant = context.obj.tenant
    with context.obj.database.transaction(read_only=True) as connection:
        people = require_customers(connection, tenant, key)
        standings = [standing_of(connection, tenant.id, person) for person in people]
    views.show_people(people, standings, zone=tenant.timezone, show_phones=show_phones, as_json=as_json)


@app.command("set")
def set_(
    context: typer.Context,
    key: Key,
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What to set; tags+=vip adds a tag.")
    ] = None,
    opt_out: Annotated[bool, typer.Option("--opt-out", help="Never text this person's number again.")] = False,
    opt_in: Annotated[bool, typer.Option("--opt-in", help="Lift a refusal: the person said so.")] = False,
    by: output.By = "operator",
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """Set columns of a customer, or note that a person refuses texts, or wants them again.

    A refusal holds for the phone number, whoever shares it.

    Example: lumiere-sms customer set C0012 visit_count=5 tags+=vip attributes.stylist=佐藤
    """
    from lumiere_sms.audience.customers import Wish, set_customers

    if opt_out and opt_in:
        raise typer.BadParameter("--opt-out and --opt-in contradict each other")
    wish = Wish.OPT_OUT if opt_out else Wish.OPT_IN if opt_in else Wish.NONE
    with context.obj.database.transaction() as connection:
        about: dict[str, Any] = {"assignments": assignments or (), "wish": wish, "by": by}
        people = set_customers(connection, context.obj.tenant, key, **about, now=context.obj.clock.now())
    views.show_list(people, limit=len(people) + 1, page=1, show_phones=show_phones, as_json=as_json)


@app.command()
def export(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE.csv|PERSON",
            help="A file for the list, standard output if left out; or a person: customer number, phone number or id.",
        ),
    ] = "",
    page: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a person's data as a page that people can read.")
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin a list with a byte order mark, for Excel.")] = False,
    as_json: output.AsJson = False,
) -> None:
    """Write all customers as CSV that `import` reads back; or all that is kept of one person.

    Phone numbers are whole. A list's file ends in .csv, or has a / in its name.
    In a list, cells that a spreadsheet would run as a formula begin with '.

    Example: lumiere-sms customer export 090-1234-5678 --page asked-for.html
    """
    if person_views.is_person(target, page=page, as_json=as_json, bom=bom):
        from lumiere_sms.privacy.exports import export_person

        with context.obj.database.transaction(read_only=True) as connection:
            kept = export_person(connection, context.obj.tenant, target, now=context.obj.clock.database_now())
        person_views.show_kept(kept, page=page, zone=context.obj.tenant.timezone, as_json=as_json)
    else:
        _export_list(context, Path(target) if target else None, bom=bom)


@app.command()
def erase(
    context: typer.Context,
    key: Key,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log, so without a name.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Erase a person from every table. It cannot be undone.

    What was sent stays as rows without text and number; a refusal stays as a
    keyed hash, so that it holds when the number comes back.

    Example: lumiere-sms customer erase 090-1234-5678 --dry-run
    """
    from lumiere_sms.privacy.erasing import erase_person

    now = context.obj.clock.database_now()
    about = {"reason": reason, "by": by, "dry_run": dry_run, "now": now}
    if not (yes or dry_run):
        _ask_to_erase(context, key, about)
    erased = erase_person(context.obj.database, context.obj.tenant, key, **about)
    person_views.show_erased(erased, zone=context.obj.tenant.timezone, as_json=as_json)


def _ask_to_erase(context: typer.Context, key: str, about: dict[str, Any]) -> None:
    """Ask a person on a terminal; elsewhere --yes has to be said. What cannot be done is told first."""
    from lumiere_sms.privacy.erasing import erase_person

    would = erase_person(context.obj.database, context.obj.tenant, key, **{**about, "dry_run": True})
    if not is_terminal():
        raise typer.BadParameter("it cannot be undone; say --yes")
    removed, emptied = sum(would.removed.values()), sum(would.emptied.values())
    rows = output.counted(removed, "row")
    what = f"{key}: {rows} to delete, {emptied:,} to keep without the person. It cannot be undone; erase?"
    if not is_agreed(what):
        output.say("nothing was erased")
        raise typer.Exit(1)


def _export_list(context: typer.Context, file: Path | None, *, bom: bool) -> None:
    from lumiere_sms.audience.exports import export_customers

    with (
        context.obj.database.transaction(read_only=True) as connection,
        views.opened(file, sys.stdout.buffer, bom=bom) as stream,
    ):
        count = export_customers(connection, context.obj.user_id, stream)
    output.say(f"{output.counted(count, 'customer')} exported")

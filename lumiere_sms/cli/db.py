"""`lumiere-sms db`: the database."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.output import AsJson

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The database: upgrade, status, start, stop, backup, shell, grants.",
)

NOTHING_TO_DO = "DATABASE_URL names a server of its own; there is nothing to {}"


@app.command()
def upgrade(context: typer.Context) -> None:
    """Make the database's schema this version's.

    Example: lumiere-sms db upgrade
    """
    from lumiere_sms.database import schema

    before, after = schema.upgrade(context.obj.runtime.server)
    output.say(f"the schema is {after}, as before" if before == after else f"the schema is now {after}")


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which database is in use and how it is. Starts nothing.

    Example: lumiere-sms db status
    """
    from lumiere_sms.database.administration import inspect

    found = asdict(inspect(context.obj.settings))
    if as_json:
        output.print_json(found)
    else:
        output.print_facts((name.replace("_", " "), _said(value)) for name, value in found.items())


def _said(value: object) -> str | None:
    """Write a fact for people: yes and no, a size in MB; None where nothing is known."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value / 1_000_000:,.1f} MB"
    return str(value) if value else None


@app.command()
def start(context: typer.Context) -> None:
    """Start the embedded server. Every command does so by itself.

    Example: lumiere-sms db start
    """
    from lumiere_sms.database import administration

    started = administration.start(context.obj.settings)
    output.say("the embedded server runs" if started else NOTHING_TO_DO.format("start"))


@app.command()
def stop(context: typer.Context) -> None:
    """Stop the embedded server. The next command starts it again.

    Example: lumiere-sms db stop
    """
    from lumiere_sms.database import administration

    stopped = administration.stop(context.obj.settings)
    external = (
        NOTHING_TO_DO.format("stop") if context.obj.settings.database_url else "the embedded server was not running"
    )
    output.say("the embedded server has stopped" if stopped else external)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to; lumiere-sms-DATE.dump if left out.")] = None,
) -> None:
    """Write the whole database to a file, for `pg_restore`.

    Example: lumiere-sms db backup monday.dump
    """
    from lumiere_sms.database.backup import back_up

    target = file or Path(f"lumiere-sms-{context.obj.clock.now():%Y%m%dT%H%M%SZ}.dump")
    done = back_up(context.obj.runtime.server, target, pg_bin=context.obj.settings.pg_bin)
    output.print_text(str(done.file))
    output.say(f"{done.size:,} bytes; to restore it: {done.restore}")


@app.command()
def shell(context: typer.Context) -> None:
    """Open psql on the database.

    Example: lumiere-sms db shell
    """
    from lumiere_sms.database.backup import open_shell

    open_shell(context.obj.runtime.server.url, pg_bin=context.obj.settings.pg_bin)


@app.command()
def grants(
    role: Annotated[str, typer.Argument(help="A role that exists: CREATE ROLE sms LOGIN PASSWORD '…'.")],
) -> None:
    """Print the SQL that gives a role what daemons need, and no right to rewrite the audit log or consents.

    The tables' owner runs it once, and again after each `db upgrade`.

    Example: lumiere-sms db grants sms | psql "$OWNERS_DATABASE_URL"
    """
    from lumiere_sms.database.grants import grants as statements

    output.print_text("\n".join(statements(role)))

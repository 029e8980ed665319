"""`lumiere-sms apply`."""

from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.plan import Files, Overwrite

app = typer.Typer(add_completion=False)


@app.command()
def apply(
    context: typer.Context,
    files: Files,
    checksum: Annotated[str | None, typer.Option(help="Apply only the plan that showed this checksum.")] = None,
    overwrite: Overwrite = False,
    as_json: output.AsJson = False,
) -> None:
    """Make the definitions so, all or nothing; the same again changes nothing.

    Example: lumiere-sms apply campaigns.yaml --checksum 3f2a9c1d0b7e
    """
    from lumiere_sms.campaigns.apply import apply as apply_definitions  # noqa: PLC0415 - SQLAlchemy takes 300 ms
    from lumiere_sms.campaigns.sources import read_files  # noqa: PLC0415
    from lumiere_sms.cli.plan_views import changes_lines  # noqa: PLC0415

    database, tenant = context.obj.database, context.obj.tenant
    definitions = read_files(database, tenant, files)
    applied = apply_definitions(
        database, tenant, definitions, checksum=checksum, overwrite=overwrite, clock=context.obj.clock
    )
    if as_json:
        output.print_json({"changes": applied.changes, "checksum": applied.checksum, "is_empty": applied.is_empty})
        return
    done = [change for change in applied.changes if change.action != "unchanged"]
    output.print_text("\n".join(changes_lines(done, width=output.console().width)) or "nothing to change")

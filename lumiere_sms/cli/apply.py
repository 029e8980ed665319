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
    override: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Let what the lint stops go all the same; kept with who said so."),
    ] = None,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Make the definitions so, all or nothing; the same again changes nothing.

    Example: lumiere-sms apply campaigns.yaml --checksum 3f2a9c1d0b7e
    """
    from lumiere_sms.campaigns.apply import apply as apply_definitions
    from lumiere_sms.campaigns.sources import read_files
    from lumiere_sms.cli.plan_views import changes_lines

    runtime, tenant = context.obj.runtime, context.obj.tenant
    definitions = read_files(runtime.database, tenant, files)
    applied = apply_definitions(
        runtime.database,
        tenant,
        definitions,
        checksum=checksum,
        overwrite=overwrite,
        clock=runtime.clock,
        prices=runtime.way_prices,
        stop_role=runtime.settings.stop_when_role,
        override=override,
        by=by,
    )
    if as_json:
        told = {"changes": applied.changes, "checksum": applied.checksum, "overridden": applied.overridden}
        output.print_json({**told, "is_empty": applied.is_empty})
        return
    for each in applied.overridden:
        output.say(f"overridden, and kept in the audit log: {each}")
    done = [change for change in applied.changes if change.action != "unchanged"]
    output.print_text("\n".join(changes_lines(done, width=output.console().width)) or "nothing to change")

"""`lumiere-sms plan`."""

from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import output

app = typer.Typer(add_completion=False)

CHANGES = 10  # the exit code of `plan --exit-code` when there are changes
Files = Annotated[list[Path], typer.Argument(metavar="FILES", help="YAML files, or folders of them.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what was changed by command.")]


@app.command()
def plan(
    context: typer.Context,
    files: Files,
    slots: Annotated[bool, typer.Option("--slots", help="Show how many texts leave when.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare-strategies", help="Show each campaign by the three strategies.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help='Show how each campaign keeps to so much, such as "25.00 USD".')
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 when there are changes.")] = False,
    overwrite: Overwrite = False,
    as_json: output.AsJson = False,
) -> None:
    """Show what `apply` would change, and who gets what, when and at what cost. Changes nothing.

    Example: lumiere-sms plan campaigns.yaml --slots
    """
    from lumiere_sms.campaigns.sources import read_files
    from lumiere_sms.cli.plan_views import plan_json, plan_text
    from lumiere_sms.planning.plan import Questions, make_plan, read_budget

    runtime, tenant = context.obj.runtime, context.obj.tenant
    definitions = read_files(runtime.database, tenant, files)
    money = None if budget is None else read_budget(budget, listed=runtime.prices(tenant.country).currency)
    with output.progress("planning", quiet=as_json) as advance:
        planned = make_plan(
            runtime.database,
            tenant,
            definitions,
            clock=runtime.clock,
            prices=runtime.way_prices,
            parts_per_second=runtime.parts_per_second_of(runtime.primary),
            overwrite=overwrite,
            asked=Questions(compare, money),
            progress=advance,
        )
    if as_json:
        output.print_json(plan_json(planned))
    else:
        named = " ".join([*map(str, files), *(["--overwrite"] if overwrite else [])])
        output.print_text(plan_text(planned, files=named, width=output.console().width, slots=slots))
    raise typer.Exit(CHANGES if exit_code and not planned.is_empty else 0)

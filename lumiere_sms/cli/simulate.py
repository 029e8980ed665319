"""`lumiere-sms simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import output

app = typer.Typer(add_completion=False)

DIFFERENT = 10  # the exit code of `simulate --exit-code` where something differs
Files = Annotated[list[Path] | None, typer.Argument(metavar="FILES", help="YAML files, or folders of them.")]
Other = Annotated[list[Path] | None, typer.Option("--diff", metavar="FILE", help="Other files; repeat it for several.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="A day or a time; now unless given.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="A day, whole, or a time; 30 days on unless given.")]


@app.command()
def simulate(
    context: typer.Context,
    files: Files = None,
    since: From = None,
    until: Until = None,
    other: Other = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what was changed by command.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="With --diff: exit 10 if they differ.")] = False,
    as_json: output.AsJson = False,
) -> None:
    """Show what would go when, day by day: texts, collisions, caps, cost. Sends nothing, changes nothing.

    A copy of the state lives through the time on a clock that leaps, by the same
    code that sends. With FILES they are applied to the copy first. --diff shows
    what would be different with other files instead.

    Example: lumiere-sms simulate campaigns.yaml --diff next.yaml
    """
    if exit_code and not other:
        raise typer.BadParameter("it goes with --diff", param_hint="--exit-code")
    from lumiere_sms.cli.simulate_views import calendar_json, calendar_text, diff_json, diff_text
    from lumiere_sms.simulation.differences import compare
    from lumiere_sms.simulation.simulate import simulate as live
    from lumiere_sms.simulation.spans import read_span

    runtime = context.obj.runtime
    span = read_span(since, until, now=runtime.clock.now(), zone=runtime.tenant.timezone)
    worlds = [files or [], *([other] if other else [])]
    with output.progress("days", quiet=as_json) as progress:
        calendars = live(runtime, span, worlds=worlds, overwrite=overwrite, progress=progress)
    differences = compare(calendars[0], calendars[-1])
    if as_json:
        output.print_json(diff_json(calendars, differences) if other else calendar_json(calendars[0]))
    else:
        width = output.console().width
        output.print_text(diff_text(calendars, differences) if other else calendar_text(calendars[0], width=width))
    raise typer.Exit(DIFFERENT if exit_code and differences else 0)

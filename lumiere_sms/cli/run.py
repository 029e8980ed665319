"""`lumiere-sms run`: the daemon, or one pass for cron and timers."""

from typing import Annotated

import typer

from lumiere_sms.cli.output import AsJson, print_json, say

app = typer.Typer(add_completion=False)


@app.command()
def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Send what may go now, then end.")] = False,
    max_seconds: Annotated[
        float | None, typer.Option(min=1, help="Claim nothing more after this many seconds.")
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log one JSON object per line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Launch due campaigns and send what may go; stop with Ctrl-C or SIGTERM, which drain first.

    With --once it ends when nothing more may go now. Exit 8 says that recipients
    need a person (`campaign recipients NAME --status unknown`), 9 that a rule
    paused a campaign (`status` says why).

    Example: lumiere-sms run --once --max-seconds 50
    """
    from lumiere_sms import logs
    from lumiere_sms.daemon import run_until_done

    logs.set_up(as_json=json_logs)
    summary = run_until_done(context.obj.runtime, once=once, max_seconds=max_seconds)
    if as_json:
        print_json(summary)
    elif once:
        say(str(summary))
    raise typer.Exit(summary.exit_code)

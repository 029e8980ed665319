"""`lumiere-sms status`."""

from typing import TYPE_CHECKING

import typer

from lumiere_sms.cli.output import AsJson, local, print_json, print_table, print_text

if TYPE_CHECKING:
    from lumiere_sms.analytics.status import Live, Status

app = typer.Typer(add_completion=False)


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show daemons, campaigns on their way, alerts, and why nothing moves.

    Example: lumiere-sms status --json
    """
    from lumiere_sms.analytics.status import read_status  # noqa: PLC0415 - not for --help

    found = read_status(context.obj.database, context.obj.user_id, now=context.obj.clock.database_now())
    print_json(found) if as_json else _show(found, context.obj.tenant.timezone)


def _show(found: "Status", zone: str) -> None:
    print_text(f"{local(found.now, zone)}  {_daemons(found)}")
    if found.campaigns:
        columns = ("campaign", "status", "starts", ">waiting", ">unknown", ">a minute", "finishes")
        print_table(columns, [_row(each) for each in found.campaigns])
    else:
        print_text("no campaign is on its way")
    for each in found.campaigns:
        if each.why:
            print_text(f"{each.name}: {each.why}")
    for alert in found.alerts:
        about = f" {alert.subject}" if alert.subject else ""
        print_text(f"alert {local(alert.raised_at, zone)} {alert.kind}{about}: {alert.message}")


def _daemons(found: "Status") -> str:
    if not found.daemons:
        return "no daemon is running"
    return "; ".join(f"daemon {each.host}:{each.pid} has sent {each.texts:,}" for each in found.daemons)


def _row(each: "Live") -> tuple[object, ...]:
    finish = local(each.finish_at, each.timezone)
    waiting = f"{each.pending:,} of {each.recipients:,}" if each.status != "scheduled" else ""
    starts = local(each.starts_at, each.timezone)
    return each.name, each.status, starts, waiting, each.unknown or "", each.texts_per_minute or "", finish

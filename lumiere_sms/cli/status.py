"""`lumiere-sms status`."""

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from lumiere_sms.cli.output import AsJson, local, print_json, print_table, print_text, print_wrapped, say

if TYPE_CHECKING:
    from lumiere_sms.analytics.status import Alive, Live, Status

app = typer.Typer(add_completion=False)

LONG_AGO = 120  # seconds, beyond which minutes say it better


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show daemons, campaigns on their way, why nothing moves, and what waits for you.

    Example: lumiere-sms status --json
    """
    from lumiere_sms.analytics.status import read_status

    found = read_status(context.obj.database, context.obj.user_id, now=context.obj.clock.database_now())
    print_json(found) if as_json else _show(found, context.obj.tenant.timezone)


def _show(found: "Status", zone: str) -> None:
    print_text(f"{local(found.now, zone)}  {_daemons(found)}")
    if found.daemons:
        headings = ("daemon", "version", "since", ">last sign of life", ">sent", ">a second")
        print_table(headings, [_daemon(each, found.now, zone) for each in found.daemons])
        print_text("")
    if found.campaigns:
        columns = ("campaign", "status", "starts", ">waiting", ">unknown", ">a minute", "finishes")
        print_table(columns, [_row(each) for each in found.campaigns])
    else:
        print_text("no campaign is on its way")
    for each in found.campaigns:
        if each.why:
            print_wrapped(f"{each.name}: {each.why}")
    for provider in found.providers:
        if provider.why_not:
            print_wrapped(f"{provider.why_not} (lumiere-sms provider list)")
    _show_what_waits(found, zone)


def _show_what_waits(found: "Status", zone: str) -> None:
    """Show what waits for a person: texts in doubt, answers that are not clear, alerts."""
    for doubt in found.doubts:
        since = f"in doubt {local(doubt.started_at, zone)} {doubt.provider}"
        print_wrapped(f"{since} {doubt.campaign} {doubt.phone} {doubt.id}: {doubt.finding}")
    if found.to_review:
        waiting = "1 answer waits" if found.to_review == 1 else f"{found.to_review:,} answers wait"
        print_text(f"{waiting} for a decision: lumiere-sms inbox list --review")
    for alert in found.alerts:
        about = f" {alert.subject}" if alert.subject else ""
        print_wrapped(f"alert {alert.key} {local(alert.raised_at, zone)} {alert.kind}{about}: {alert.message}")
    if found.alerts:
        say("who has looked at one: lumiere-sms alert acknowledge KEY")


def _daemons(found: "Status") -> str:
    alive = sum(not each.is_silent for each in found.daemons)
    silent = len(found.daemons) - alive
    running = "no daemon is running" if not alive else "1 daemon is running" if alive == 1 else f"{alive} daemons run"
    return f"{running}; {silent} fell silent" if silent else running


def _daemon(each: "Alive", now: datetime, zone: str) -> tuple[object, ...]:
    ago = (now - each.seen_at).total_seconds()
    seen = f"{ago:.0f} s ago" if ago < LONG_AGO else f"{ago / 60:.0f} min ago"
    rate = "silent" if each.is_silent else f"{each.texts_per_second:.1f}"
    return f"{each.host}:{each.pid}", each.version, local(each.started_at, zone), seen, f"{each.texts:,}", rate


def _row(each: "Live") -> tuple[object, ...]:
    finish = local(each.finish_at, each.timezone)
    waiting = f"{each.pending:,} of {each.recipients:,}" if each.is_launched else ""
    starts = local(each.starts_at, each.timezone)
    return each.name, each.status, starts, waiting, each.unknown or "", each.texts_per_minute or "", finish

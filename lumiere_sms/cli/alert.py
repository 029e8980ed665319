"""`lumiere-sms alert`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.campaigns.alerts import Alert

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What a person should look at: list, acknowledge.")


@app.command("list")
def list_(
    context: typer.Context,
    with_acknowledged: Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
    as_json: output.AsJson = False,
) -> None:
    """List the alerts that nobody has acknowledged, the oldest first.

    Example: lumiere-sms alert list --all --json
    """
    from lumiere_sms.campaigns.alerts import list_alerts

    with context.obj.database.transaction(read_only=True) as connection:
        found = list_alerts(connection, context.obj.user_id, with_acknowledged=with_acknowledged, limit=limit)
    _show(found, zone=context.obj.tenant.timezone, as_json=as_json)


@app.command()
def acknowledge(
    context: typer.Context,
    keys: Annotated[list[str] | None, typer.Argument(help="The keys that `alert list` shows.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    reason: Annotated[str | None, typer.Option(help="What was done about it; kept in the audit log.")] = None,
    by: Annotated[str, typer.Option(help="Who; kept with the alert.", envvar="USER")] = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Note that somebody has looked at alerts: `status` shows them no more.

    What caused one and goes on raises a new one.

    Example: lumiere-sms alert acknowledge 5c0ffee5 --reason "topped up the account"
    """
    from lumiere_sms.campaigns.alerts import acknowledge as done

    if bool(keys) == every:
        raise typer.BadParameter("give either keys or --all")
    database, user_id, clock = context.obj.database, context.obj.user_id, context.obj.clock
    found = done(database, user_id, None if every else keys, reason=reason, by=by, clock=clock)
    _show(found, zone=context.obj.tenant.timezone, as_json=as_json)


def _show(found: "tuple[Alert, ...]", *, zone: str, as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    columns = ("key", "raised", "kind", "about", "what", "acknowledged")
    output.print_table(columns, [_row(each, zone) for each in found], empty="no alerts")


def _row(alert: "Alert", zone: str) -> tuple[Any, ...]:
    seen = f"{output.local(alert.acknowledged_at, zone)} by {alert.acknowledged_by}" if alert.acknowledged_at else ""
    return alert.key, output.local(alert.raised_at, zone), alert.kind, alert.subject, alert.message, seen

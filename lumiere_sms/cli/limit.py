"""`lumiere-sms limit`: how fast texts leave."""

from typing import TYPE_CHECKING, Annotated

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.sending.limit_listing import Shown

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="How fast texts leave, in parts: from a sender, from all of them, of a campaign.",
)

Parts = Annotated[str | None, typer.Option(help='Parts at most; "none" for no limit.')]


@app.command("set")
def set_(  # noqa: PLR0913 - each is an option of the command line
    context: typer.Context,
    sender: Annotated[str, typer.Argument(help="A sender; or name --tenant or --campaign.")] = "",
    *,
    provider: Annotated[str, typer.Option(help="Whose sender; the first in use if left out.")] = "",
    tenant: Annotated[bool, typer.Option("--tenant", help="All senders of this business together.")] = False,
    campaign: Annotated[str, typer.Option(help="A campaign; by the minute only.")] = "",
    per_second: Parts = None,
    per_minute: Parts = None,
    per_day: Parts = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone whose midnight begins the day.")] = None,
    by: Annotated[str, typer.Option(help="Who; kept with the change.", envvar="USER")] = "operator",
) -> None:
    """Limit how many parts leave in a second, a minute or a day. Takes effect at once, on every host.

    Example: lumiere-sms limit set +15005550006 --per-second 1 --per-day 2000 --zone Asia/Tokyo
    """
    from lumiere_sms.providers import registry
    from lumiere_sms.sending import limits

    _require_one_scope(sender, campaign, tenant=tenant)
    runtime, now = context.obj.runtime, context.obj.clock.database_now()
    wish = limits.read_wish(per_second=per_second, per_minute=per_minute, per_day=per_day, zone=zone, by=by, now=now)
    if campaign:
        limits.set_campaign_limit(runtime.database, runtime.tenant, name=campaign, wish=wish)
    elif tenant:
        limits.set_tenant_limits(runtime.database, runtime.tenant, wish=wish)
    else:
        name = provider or runtime.primary
        limits.set_sender_limits(
            runtime.database,
            runtime.tenant,
            provider=name,
            sender=sender,
            wish=wish,
            parts_per_second=runtime.parts_per_second_of(name),
            default=registry.default_sender(name, runtime.settings),
        )
    output.say("set; it holds from the next text on: lumiere-sms limit show")


@app.command()
def show(context: typer.Context, as_json: output.AsJson = False) -> None:
    """Show each limit, what of it is used, what is left, and why it is what it is.

    Example: lumiere-sms limit show
    """
    from lumiere_sms.sending.limit_listing import list_limits

    found = list_limits(context.obj.database, context.obj.tenant, now=context.obj.clock.database_now())
    if as_json:
        output.print_json(found)
        return
    rows = [row for each in found for row in _rows(each)]
    output.print_table(("of", "limit in parts", ">used", ">left", "why"), rows, empty="no sender has texted yet")


def _require_one_scope(sender: str, campaign: str, *, tenant: bool) -> None:
    if sum(map(bool, (sender, campaign, tenant))) != 1:
        raise typer.BadParameter("name one: a sender, --tenant, or --campaign")


def _rows(each: "Shown") -> list[tuple[object, ...]]:
    of = f"{each.provider or each.scope} {each.name}" if each.scope != "tenant" else each.name
    rows: list[tuple[object, ...]] = []
    if pace := _pace(each):
        rows.append((of, pace, f"{each.used:,}", f"{each.left:,}", each.why))
    if each.per_day is not None:
        day = f"{each.per_day:,} a day ({each.zone})"
        rows.append((of, day, f"{each.used_today:,}", f"{each.left_today:,}", "" if rows else each.why))
    elif each.used_today:
        rows.append((of, f"no limit a day ({each.zone})", f"{each.used_today:,}", "", ""))
    return rows


def _pace(each: "Shown") -> str:
    found = []
    if each.per_second is not None:
        now = "" if each.per_second_now == each.per_second else f"{each.per_second_now:g} of "
        found.append(f"{now}{each.per_second:g} a second")
    if each.per_minute is not None:
        found.append(f"{each.per_minute:,} a minute")
    return ", ".join(found)

"""`lumiere-sms budget`: what may be spent."""

from typing import TYPE_CHECKING, Annotated

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.campaigns.budget_listing import Shown

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What may be spent: by a campaign, and in a month. Who runs out is paused.",
)


@app.command("set")
def set_(
    context: typer.Context,
    amount: Annotated[str, typer.Argument(help='How much, such as 100 or 25.50; "none" for no limit.')],
    month: Annotated[str, typer.Option(help="One month, like 2031-04; else every month to come.")] = "",
    campaign: Annotated[str, typer.Option(help="One campaign, by its name.")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217; that of the price list.")] = "",
    by: Annotated[str, typer.Option(help="Who; kept with the change.", envvar="USER")] = "operator",
) -> None:
    """Say what every month, one month or one campaign may cost at most. What has been spent already counts.

    Example: lumiere-sms budget set 100 --month 2031-04
    """
    from lumiere_sms.campaigns.budget_setting import read_wish, set_budget

    runtime, tenant = context.obj.runtime, context.obj.tenant
    listed = runtime.prices(tenant.country).currency
    wish = read_wish(amount, currency=currency, listed=listed, by=by, now=runtime.clock.database_now())
    scope = set_budget(runtime.database, tenant, wish, campaign=campaign, month=month, clock=runtime.clock)
    output.say(f"{scope.name}: " + (f"{wish.amount} {wish.currency} at most" if wish.amount else "no limit"))


@app.command()
def show(context: typer.Context, as_json: output.AsJson = False) -> None:
    """Show what may be spent, what has been, and what is left.

    Example: lumiere-sms budget show
    """
    from lumiere_sms.campaigns.budget_listing import list_budgets

    found = list_budgets(context.obj.database, context.obj.tenant, now=context.obj.clock.database_now())
    if as_json:
        output.print_json(found)
    else:
        columns = ("budget", ">amount", ">spent", ">reserved", ">left", "currency")
        output.print_table(columns, map(_row, found), empty="no budgets: nothing limits what is spent")


def _row(each: "Shown") -> tuple[str, ...]:
    from lumiere_sms.campaigns.budgets import money

    if each.left is None:
        return each.name, money(each.amount), "", "", "", each.currency
    return each.name, *map(money, (each.amount, each.spent, each.reserved, each.left)), each.currency

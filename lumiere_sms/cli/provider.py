"""`lumiere-sms provider`: the companies that texts go through."""

from typing import TYPE_CHECKING, Annotated

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.sending.provider_listing import Shown

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The companies that texts go through, in the order of LUMIERE_SMS_PROVIDER.",
)

FAILED = 7  # the exit code of a provider that did not do what was asked

Name = Annotated[str, typer.Argument(help="A provider, such as twilio.")]
By = Annotated[str, typer.Option(help="Who; kept with the change.", envvar="USER")]


@app.command("list")
def show_all(context: typer.Context, as_json: output.AsJson = False) -> None:
    """Show each provider: whether texts go through it, and why not; its sender and its price.

    Example: lumiere-sms provider list
    """
    from lumiere_sms.sending.provider_listing import list_providers

    runtime = context.obj.runtime
    found = list_providers(
        runtime.database,
        runtime.tenant,
        runtime.providers,
        sender_of=runtime.default_sender_of,
        price_of=runtime.price_at_home,
    )
    if as_json:
        output.print_json(found)
        return
    columns = ("", "provider", "texts", ">weight", "from", ">a part", "last check", "said")
    output.print_table(columns, [_row(each, runtime.tenant.timezone) for each in found])


@app.command()
def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A provider; all in use if left out.")] = "",
    as_json: output.AsJson = False,
) -> None:
    """Ask whether the account answers; costs nothing, sends nothing. Ends with 7 where one does not.

    Example: lumiere-sms provider check twilio
    """
    from lumiere_sms.sending.provider_listing import check_providers

    runtime, now = context.obj.runtime, context.obj.clock.database_now()
    found = check_providers(runtime.database, runtime.provider, [name] if name else runtime.providers, now=now)
    if as_json:
        output.print_json(found)
    else:
        rows = [(each.name, "well" if each.is_well else "not well", each.said, each.hint) for each in found]
        output.print_table(("provider", "", "said", "hint"), rows)
    raise typer.Exit(0 if all(each.is_well for each in found) else FAILED)


@app.command()
def drain(context: typer.Context, name: Name, by: By = "operator") -> None:
    """Let nothing new go through a provider; the next takes its share. What is on the wire settles.

    Example: lumiere-sms provider drain twilio
    """
    from lumiere_sms.sending.provider_listing import set_drained

    runtime, now = context.obj.runtime, context.obj.clock.database_now()
    set_drained(runtime.database, runtime.tenant, name, runtime.providers, is_drained=True, by=by, now=now)
    output.say(f"{name} is drained, on every host; texts again: lumiere-sms provider enable {name}")


@app.command()
def enable(context: typer.Context, name: Name, by: By = "operator") -> None:
    """Let texts go through a provider again: one that was drained, or left alone and is mended.

    Example: lumiere-sms provider enable twilio
    """
    from lumiere_sms.sending.provider_listing import set_drained

    runtime, now = context.obj.runtime, context.obj.clock.database_now()
    set_drained(runtime.database, runtime.tenant, name, runtime.providers, is_drained=False, by=by, now=now)
    output.say(f"texts go through {name} again, on every host")


def _row(each: "Shown", zone: str) -> tuple[object, ...]:
    takes = each.why_not.removeprefix(f"{each.name} ") or ("go" if each.place else "")
    price = f"{each.price:f} {each.currency}" if each.price is not None else ""
    turn = each.place or "not in use"
    return turn, each.name, takes, each.weight, each.sender, price, output.local(each.checked_at, zone), each.said

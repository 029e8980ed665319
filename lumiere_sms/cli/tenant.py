"""`lumiere-sms tenant`: businesses that share one database."""

from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.output import AsJson

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Businesses that share one database. With one, nothing here is needed.",
)


Senders = Annotated[
    list[str] | None,
    typer.Option(help="What its texts come from, at its first provider or as PROVIDER=SENDER; may be repeated."),
]


@app.command()
def create(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Its short name: lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="As its customers know it; the slug if left out.")] = "",
    timezone: Annotated[str, typer.Option(help="An IANA zone.")] = "Asia/Tokyo",
    country: Annotated[str, typer.Option(help="ISO 3166-1; how national phone numbers are read.")] = "JP",
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "JPY",
    sender: Senders = None,
) -> None:
    """Add a business.

    Example: lumiere-sms tenant create ginza --name "Salon Ginza" --sender +815012345678
    """
    from lumiere_sms.campaigns.tenant_ways import read_senders
    from lumiere_sms.database.tenants import create_tenant

    plain, named = read_senders(sender or [])
    about = {"name": name, "timezone": timezone, "country": country, "currency": currency}
    made = create_tenant(context.obj.database, slug, **about, sender=plain, senders=named)
    output.say(f'created the tenant "{made.slug}"; to work as it: lumiere-sms tenant use {made.slug}')


@app.command("set")
def set_(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Which one.")],
    *,
    providers: Annotated[
        str | None, typer.Option(help='In the order they are tried: twilio,aws or twilio:70,aws:30; "default" as set.')
    ] = None,
    routing: Annotated[
        str | None, typer.Option(help='primary, round_robin, weighted or cheapest; "default" as set.')
    ] = None,
    sender: Senders = None,
    by: Annotated[str, typer.Option(help="Who; kept with the change.", envvar="USER")] = "operator",
) -> None:
    """Change through which providers its texts go, how they are shared out, and from which senders.

    Example: lumiere-sms tenant set ginza --providers twilio,aws --routing primary --sender aws=SALON
    """
    from lumiere_sms.campaigns.tenant_ways import change_ways, read_ways

    if providers is None and routing is None and not sender:
        raise typer.BadParameter("name what to change: --providers, --routing or --sender")
    ways = read_ways(providers=providers, routing=routing, senders=sender or [])
    changed = change_ways(context.obj.database, slug, ways, by=by, now=context.obj.clock.database_now())
    output.say(f'changed the tenant "{changed.slug}"; it holds from the next text on')


@app.command("list")
def show_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List the businesses; the one in use is marked.

    Example: lumiere-sms tenant list
    """
    from lumiere_sms.database.tenants import list_tenants

    columns = ("slug", "name", "timezone", "country", "currency", "sender", "senders", "providers", "routing")
    tenants = list_tenants(context.obj.database)
    in_use = context.obj.runtime.tenant_in_use
    if as_json:
        output.print_json([{**{c: getattr(t, c) for c in columns}, "in_use": t.slug == in_use} for t in tenants])
    else:
        marks = ("*" if tenant.slug == in_use else "" for tenant in tenants)
        rows = [[mark, *(_cell(getattr(each, c)) for c in columns)] for mark, each in zip(marks, tenants, strict=True)]
        output.print_table(("", *columns), rows)


@app.command()
def use(context: typer.Context, slug: Annotated[str, typer.Argument(help="Which one.")]) -> None:
    """Work as one business from now on. LUMIERE_SMS_TENANT beats this.

    Example: lumiere-sms tenant use ginza
    """
    from lumiere_sms.database.tenants import choose_tenant

    chosen = choose_tenant(context.obj.database, slug, data_dir=context.obj.settings.data_dir)
    output.say(f'using the tenant "{chosen.slug}"')


def _cell(value: object) -> object:
    match value:
        case dict():
            return ", ".join(f"{name}={each}" for name, each in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return value

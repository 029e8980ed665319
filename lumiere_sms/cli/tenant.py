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


@app.command()
def create(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Its short name: lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="As its customers know it; the slug if left out.")] = "",
    timezone: Annotated[str, typer.Option(help="An IANA zone.")] = "Asia/Tokyo",
    country: Annotated[str, typer.Option(help="ISO 3166-1; how national phone numbers are read.")] = "JP",
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "JPY",
    sender: Annotated[str, typer.Option(help="The number or messaging service its texts come from.")] = "",
) -> None:
    """Add a business.

    Example: lumiere-sms tenant create ginza --name "Salon Ginza" --sender +815012345678
    """
    from lumiere_sms.database.tenants import create_tenant  # noqa: PLC0415 - only what is used

    made = create_tenant(
        context.obj.database, slug, name=name, timezone=timezone, country=country, currency=currency, sender=sender
    )
    output.say(f'created the tenant "{made.slug}"; to work as it: lumiere-sms tenant use {made.slug}')


@app.command("list")
def show_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List the businesses; the one in use is marked.

    Example: lumiere-sms tenant list
    """
    from lumiere_sms.database.tenants import list_tenants  # noqa: PLC0415 - only what is used

    columns = ("slug", "name", "timezone", "country", "currency", "sender")
    tenants = list_tenants(context.obj.database)
    in_use = context.obj.runtime.tenant_in_use
    if as_json:
        output.print_json([{**{c: getattr(t, c) for c in columns}, "in_use": t.slug == in_use} for t in tenants])
    else:
        rows = [["*" if tenant.slug == in_use else "", *(getattr(tenant, c) for c in columns)] for tenant in tenants]
        output.print_table(("", *columns), rows)


@app.command()
def use(context: typer.Context, slug: Annotated[str, typer.Argument(help="Which one.")]) -> None:
    """Work as one business from now on. LUMIERE_SMS_TENANT beats this.

    Example: lumiere-sms tenant use ginza
    """
    from lumiere_sms.database.tenants import choose_tenant  # noqa: PLC0415 - only what is used

    chosen = choose_tenant(context.obj.database, slug, data_dir=context.obj.settings.data_dir)
    output.say(f'using the tenant "{chosen.slug}"')

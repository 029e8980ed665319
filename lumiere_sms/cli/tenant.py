"""`lumiere-sms tenant`: businesses that share one database."""

from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.output import AsJson

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Businesses that share one database, and the rules of each: when its people are texted.",
)

#: The rules that a launch pins; the others hold at once.
_AT_A_LAUNCH = frozenset({"windows", "quiet_hours", "closed_weekdays", "closed_days", "holidays", "opt_out_url"})

Senders = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="What its texts come from, at its first provider or as PROVIDER=SENDER; may be repeated.",
    ),
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
    by: output.By = "operator",
) -> None:
    """Add a business.

    Example: lumiere-sms tenant create ginza --name "Salon Ginza" --sender +815012345678
    """
    from lumiere_sms.campaigns.tenant_ways import read_senders
    from lumiere_sms.database.tenants import create_tenant

    plain, named = read_senders(sender or [])
    about = {"name": name, "timezone": timezone, "country": country, "currency": currency}
    made = create_tenant(context.obj.database, slug, **about, sender=plain, senders=named, by=by)
    output.say(f'created the tenant "{made.slug}"; to work as it: lumiere-sms tenant use {made.slug}')


@app.command("set")
def set_(  # noqa: PLR0913 - a parameter is an option of the command
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Which one; the one in use if left out.")] = "",
    *,
    providers: Annotated[
        str | None, typer.Option(help='In the order they are tried: twilio,aws or twilio:70,aws:30; "default" as set.')
    ] = None,
    routing: Annotated[
        str | None, typer.Option(help='primary, round_robin, weighted or cheapest; "default" as set.')
    ] = None,
    sender: Senders = None,
    window: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="When texts of a type leave: promotional=09:00-11:00; may be repeated."),
    ] = None,
    quiet_hours: Annotated[str | None, typer.Option(help="When no text ever leaves: 21:00-08:00.")] = None,
    closed: Annotated[
        list[str] | None,
        typer.Option(metavar="DAYS", help="Days without business: sun,mon or 2026-08-13..2026-08-16; may be repeated."),
    ] = None,
    holidays: Annotated[
        str | None, typer.Option(help="Whose public holidays are days without business: JP, US-CA, or none.")
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help='How often one person is texted: "promotional: 1 per 7d, postpone", or exclude; may be repeated.',
        ),
    ] = None,
    opt_out_url: Annotated[
        str | None,
        typer.Option("--opt-out-url", help="What links by which people refuse begin with: https://s.example/."),
    ] = None,
    max_parts: Annotated[
        str | None, typer.Option(metavar="N", help='The most parts of a text: more stop apply; "default" only tells.')
    ] = None,
    legal_name: Annotated[str | None, typer.Option(help="Its formal name, which advertising has to show.")] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help='What is texted back: help="Salon Lumiere, 03-1234-5678"; stop, start, help, other.'
        ),
    ] = None,
    retention: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="How long what is about people is kept: texts=400d, answers=, events=, people=; may be repeated.",
        ),
    ] = None,
    double_opt_in: Annotated[
        bool | None,
        typer.Option("--double-opt-in/--no-double-opt-in", help="Consent to advertising is confirmed by text."),
    ] = None,
    opt_in_request: Annotated[
        str | None, typer.Option(help='What `consent request` texts; "default" is what is usual in its country.')
    ] = None,
    by: Annotated[str, typer.Option(help="Who; kept with the change.", envvar="USER")] = "operator",
) -> None:
    """Change how its texts go, when its people are texted, what answers them and for how long it is kept.

    "default" takes a rule back.

    Example: lumiere-sms tenant set ginza --providers twilio,aws --window promotional=10:00-12:00
    """
    from lumiere_sms.campaigns.answer_options import read_answers, read_request
    from lumiere_sms.campaigns.cap_options import read_caps
    from lumiere_sms.campaigns.retention_options import read_retention
    from lumiere_sms.campaigns.tenant_rules import change_rules, read_rules
    from lumiere_sms.campaigns.tenant_ways import change_ways, read_ways

    ways = read_ways(providers=providers, routing=routing, senders=sender or [], legal_name=legal_name)
    rules = read_rules(
        windows=window or [],
        quiet_hours=quiet_hours,
        closed=closed or [],
        holidays=holidays,
        opt_out_url=opt_out_url,
        max_parts=max_parts,
    )
    rules |= {"frequency_caps": read_caps(cap)} if cap else {}
    rules |= {"retention": read_retention(retention)} if retention else {}
    rules |= {"answers": read_answers(answer)} if answer else {}
    rules |= {"double_opt_in": double_opt_in} if double_opt_in is not None else {}
    rules |= {"opt_in_request": read_request(opt_in_request)} if opt_in_request is not None else {}
    has_ways = bool(sender) or any(each is not None for each in (providers, routing, legal_name))
    if not rules and not has_ways:
        raise typer.BadParameter("name what to change, such as --providers or --window")
    slug, now = slug or context.obj.runtime.tenant_in_use, context.obj.clock.database_now()
    if rules:
        change_rules(context.obj.database, slug, rules, by=by, now=now)
        later = _AT_A_LAUNCH & rules.keys()
        since = "from the next launch on" if later == rules.keys() else "at once"
        rest = "; windows, days and links from the next launch on" if later and later != rules.keys() else ""
        output.say(f'changed the rules of "{slug}"; they hold {since}{rest}')
    if has_ways:
        change_ways(context.obj.database, slug, ways, by=by, now=now)
        output.say(f'changed the tenant "{slug}"; it holds from the next text on')


@app.command()
def show(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Which one; the one in use if left out.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show when its people are texted: windows by type, quiet hours, closing days.

    Example: lumiere-sms tenant show
    """
    from lumiere_sms.cli import tenant_views
    from lumiere_sms.database.tenants import find_tenant

    found = find_tenant(context.obj.database, slug or context.obj.runtime.tenant_in_use)
    tenant_views.show(found, as_json=as_json)


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
        output.print_table(("", *columns[:2], *(f"?{each}" for each in columns[2:])), rows)


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

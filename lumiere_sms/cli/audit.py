"""`lumiere-sms audit`: who changed what, and the proof that the log is whole."""

from typing import Annotated

import typer

from lumiere_sms.cli import output

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Who changed what: tail, verify. A chain that shows each alteration.",
)

LOOK_AGAIN = 1.0  # seconds
BROKEN = 1  # the exit code of a chain that is not whole


@app.command()
def tail(
    context: typer.Context,
    number: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is noted from now; Ctrl-C ends.")
    ] = False,
    action: Annotated[
        str | None, typer.Option(metavar="GLOB", help='Only what was done so: "campaign.*", "*.delete".')
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this: a campaign, an id.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help='Only from then on: 24h, 2026-03-15, "2026-03-15 10:00".')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document an entry.")] = False,
) -> None:
    """Show the newest entries, the newest last.

    Example: lumiere-sms audit tail -n 50 --action "campaign.*" --since 7d
    """
    from lumiere_sms.cli import audit_views as views
    from lumiere_sms.database.audit import Wanted

    tenant, now = context.obj.tenant, context.obj.clock.now()
    begins = views.read_since(since, now=now, zone=tenant.timezone) if since else None
    wanted = Wanted(newest=number, action=action, subject=subject, since=begins)
    every = LOOK_AGAIN if follow else None
    views.tail(context.obj.database, tenant, wanted, every=every, as_json=as_json)


@app.command()
def verify(
    context: typer.Context,
    anchor: Annotated[
        str,
        typer.Option(
            metavar="SEQ:HASH", help="An end of the chain that you wrote down earlier: it must still be in it."
        ),
    ] = "",
    as_json: output.AsJson = False,
) -> None:
    """Read the log and all consents; name what was altered, taken out, slipped in.

    Ends with 1 where that is so. Of consents it says too where a customer's row
    and the newest consent differ.

    Write the end that it prints down somewhere else now and then: whoever can
    rewrite the whole chain cannot reach it.

    Example: lumiere-sms audit verify --anchor 1204:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    from lumiere_sms.audience.consent_rows import check as check_consents
    from lumiere_sms.cli.audit_views import read_anchor, show_checked
    from lumiere_sms.database.audit import check

    wanted = read_anchor(anchor) if anchor else None
    with output.progress("checking", quiet=as_json) as bar:
        found = check(context.obj.database, context.obj.user_id, anchor=wanted, progress=bar)
    consents = check_consents(context.obj.database, context.obj.user_id)
    show_checked(found, consents, as_json=as_json)
    raise typer.Exit(BROKEN if found.breaks or not consents.is_whole else 0)

"""`lumiere-sms consent`: what people agreed to and took back, and the proof of it."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumiere_sms.cli import consent_views as views
from lumiere_sms.cli import output
from lumiere_sms.cli.customer import Key

if TYPE_CHECKING:
    from lumiere_sms.audience.consents import Said

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What people agreed to: show, grant, revoke, request, import, proof.",
)


class Purpose(StrEnum):
    """What texts are for."""

    PROMOTIONAL = "promotional"
    REMINDER = "reminder"


class Source(StrEnum):
    """How a person said it."""

    OPERATOR = "operator"
    FORM = "form"
    REPLY = "reply"
    LINK = "link"


Purposes = Annotated[
    list[Purpose] | None,
    typer.Option("--purpose", metavar="TEXTS", help=f"Of which: {', '.join(Purpose)}; of all if left out."),
]
How = Annotated[Source, typer.Option("--source", metavar="HOW", help=f"How they said so: {', '.join(Source)}.")]
Wording = Annotated[str | None, typer.Option(help="The words that they agreed to, as they read them.")]
Evidence = Annotated[str | None, typer.Option(help="Where the proof is: the paper's place, the form's number.")]
Day = Annotated[str | None, typer.Option("--date", help="When they said so; now if left out.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept in the audit log.")]


@app.command()
def show(
    context: typer.Context, key: Key, show_phones: output.ShowPhones = False, as_json: output.AsJson = False
) -> None:
    """Show what holds for a person, or for everybody who has a number.

    Example: lumiere-sms consent show 090-1234-5678
    """
    from lumiere_sms.audience.proof import prove

    tenant = context.obj.tenant
    with context.obj.database.transaction() as connection:
        found = prove(connection, tenant, key)
    views.show_state(found, zone=tenant.timezone, show_phones=show_phones, as_json=as_json)


@app.command()
def grant(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    key: Key,
    purpose: Purposes = None,
    source: How = Source.OPERATOR,
    wording: Wording = None,
    evidence: Evidence = None,
    date: Day = None,
    lifts_refusal: Annotated[
        bool, typer.Option("--lifts-refusal", help="They refused, and asked for texts again since.")
    ] = False,
    reason: Reason = None,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Note that a person agreed to texts.

    What they took back later than that stays taken back. A refusal is lifted
    only by --lifts-refusal, with the reason.

    Example: lumiere-sms consent grant C0012 --purpose promotional --source form --date 2026-03-01
    """
    from lumiere_sms.audience.consents import grant as give
    from lumiere_sms.campaigns.asking import refuse_unconfirmed

    said = _said(context, purpose or (), source, wording, evidence, date)
    refuse_unconfirmed(context.obj.tenant, said.purposes)
    about = {"by": by, "reason": reason, "lifts_refusal": lifts_refusal, "now": context.obj.clock.now()}
    with context.obj.database.transaction() as connection:
        noted = give(connection, context.obj.tenant, key, said, **about)
    views.show_noted(noted, as_json=as_json)


@app.command()
def revoke(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="A customer number, a phone number or an id.")] = "",
    purpose: Purposes = None,
    token: Annotated[str, typer.Option(help="Instead of a person: the opt-out link that they were texted.")] = "",
    source: How = Source.OPERATOR,
    wording: Annotated[str | None, typer.Option(help="What they said.")] = None,
    evidence: Evidence = None,
    date: Day = None,
    reason: Reason = None,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Note that a person, or everybody who has a number, took consent back.

    Without --purpose it is a refusal of all texts: the number is suppressed.

    Example: lumiere-sms consent revoke 090-1234-5678 --purpose promotional
    """
    if bool(key) == bool(token):
        raise typer.BadParameter("name a person or a number, or give --token, and not both")
    if token and (purpose or date or wording or evidence):
        raise typer.BadParameter("a link refuses all texts from now on; it goes with --by alone", param_hint="--token")
    if token:
        from lumiere_sms.tracking.link_refusals import refuse_by_token

        now = context.obj.clock.database_now()
        done = refuse_by_token(context.obj.database, context.obj.tenant.id, token, by=by, now=now)
        views.show_link(done, as_json=as_json)
        return
    from lumiere_sms.audience.consents import revoke as take_back

    said = _said(context, purpose or (), source, wording, evidence, date)
    about = {"by": by, "reason": reason, "now": context.obj.clock.now()}
    with context.obj.database.transaction() as connection:
        noted = take_back(connection, context.obj.tenant, key, said, **about)
    views.show_noted(noted, as_json=as_json)


@app.command()
def request(
    context: typer.Context,
    key: Key,
    purpose: Annotated[Purpose, typer.Option(help="Of which texts.")] = Purpose.PROMOTIONAL,
    again: Annotated[bool, typer.Option("--again", help="Ask once more who was asked before; once a day.")] = False,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Ask a person by one text whether they agree; a yes in answer is their consent.

    Its words are yours, by `tenant set --opt-in-request`, or the usual ones of
    your country. Whoever refused is not asked, and quiet hours hold.

    Example: lumiere-sms consent request 090-1234-5678 --purpose promotional
    """
    from lumiere_sms.campaigns.asking import request_consent

    runtime, tenant = context.obj.runtime, context.obj.tenant
    about = {"clock": runtime.clock, "prices": runtime.prices, "by": by, "again": again}
    sent = request_consent(runtime.database, tenant, key, purpose.value, **about)
    views.show_request(sent, again=again, as_json=as_json)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV with a header: who, purpose, date, and more.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; change nothing.")] = False,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Take in consents from a list: phone_number or external_id, purpose, date.

    Also: said (yes or no), source, wording, evidence. One bad row is enough to
    change nothing. A list lifts no refusal.

    Example: lumiere-sms consent import papers.csv --dry-run
    """
    from lumiere_sms.audience.consent_lists import import_consents

    now = context.obj.clock.now()
    imported = import_consents(context.obj.database, context.obj.tenant, file, dry_run=dry_run, by=by, now=now)
    views.show_imported(imported, as_json=as_json)


@app.command()
def proof(
    context: typer.Context, key: Key, show_phones: output.ShowPhones = False, as_json: output.AsJson = False
) -> None:
    """Print all that is kept about the consent of a number: for whoever asks.

    Who agreed to what, when, in which words; every text with its receipts;
    every answer and refusal; the entries of the audit log that cover them.

    Example: lumiere-sms consent proof 090-1234-5678 --show-phones
    """
    from lumiere_sms.audience.proof import prove

    tenant = context.obj.tenant
    with context.obj.database.transaction() as connection:
        found = prove(connection, tenant, key, with_sharers=True)
    views.show_proof(found, tenant=tenant, now=context.obj.clock.now(), show_phones=show_phones, as_json=as_json)


def _said(
    context: typer.Context,
    purposes: Sequence[Purpose],
    source: Source,
    wording: str | None,
    evidence: str | None,
    date: str | None,
) -> "Said":
    from lumiere_sms.audience.consent_rows import PURPOSES
    from lumiere_sms.audience.consents import Said, read_day
    from lumiere_sms.audience.suppressions import Words

    at = read_day(date, zone=context.obj.tenant.timezone, now=context.obj.clock.now()) if date is not None else None
    words = Words(wording, {"note": evidence} if evidence else None)
    return Said(tuple(dict.fromkeys(each.value for each in purposes)) or PURPOSES, source.value, words, at)

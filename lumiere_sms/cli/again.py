"""`campaign retry` and `campaign resolve`: what a person decides where no rule and no proof does."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.undoing import is_agreed, is_terminal
from lumiere_sms.logs import mask_phone

if TYPE_CHECKING:
    from datetime import timedelta

    from lumiere_sms.campaigns.retrying import Retried, Wish
    from lumiere_sms.cli.context import Context

Name = Annotated[str, typer.Argument(help="The campaign.")]
By = Annotated[str, typer.Option(help="Who; kept on record.", envvar="USER")]
MoreTime = Annotated[
    str | None, typer.Option("--expires-after", help="Until when from now, where their last window has ended: 24h.")
]


def retry(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    name: Name,
    failed: Annotated[bool, typer.Option("--failed", help="Those that were refused or not delivered.")] = False,
    codes: Annotated[str | None, typer.Option(help="With --failed: only these codes, 30003,30008.")] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Those in doubt: they may get two texts.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; kept on record. --unknown needs one.")] = None,
    more_time: MoreTime = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = "operator",
) -> None:
    """Text people of a campaign's newest run again: who was refused or not reached, or who is in doubt.

    They leave inside the campaign's windows. Numbers that are suppressed stay so.

    Example: lumiere-sms campaign retry spring --failed --codes 30003,30008
    """
    from lumiere_sms.campaigns.retrying import retry as text_again

    wish = _wish(failed, codes, unknown, reason, more_time)
    if unknown and not yes:
        _ask(context.obj, name, wish)
    database, user_id, clock = context.obj.database, context.obj.user_id, context.obj.clock
    output.say(_said(text_again(database, user_id, name=name, wish=wish, by=by, clock=clock)))


def resolve(
    context: typer.Context,
    name: Name,
    who: Annotated[str, typer.Argument(help="The number, or the recipient's id.")],
    reason: Annotated[str, typer.Option(help="How you know; kept on record.")],
    sent: Annotated[bool, typer.Option("--sent", help="It was sent.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It was not: it goes again.")] = False,
    more_time: MoreTime = None,
    by: By = "operator",
) -> None:
    """Say what became of a text in doubt, when you have found out.

    One that was not sent leaves at its next window. See who is in doubt with
    `campaign recipients NAME --status unknown`.

    Example: lumiere-sms campaign resolve spring +819012345678 --sent --reason "she showed it to us"
    """
    from lumiere_sms.campaigns.resolving import Word
    from lumiere_sms.campaigns.resolving import resolve as settle

    if sent == not_sent:
        raise typer.BadParameter("give either --sent or --not-sent")
    database, tenant, clock = context.obj.database, context.obj.tenant, context.obj.clock
    word = Word(sent, reason, _duration(more_time))
    done = settle(database, tenant.id, name=name, who=_read(who, tenant.country), word=word, by=by, clock=clock)
    output.say(f'campaign "{name}", {mask_phone(done.phone_number)}: unknown → {done.status}')


def _wish(failed: bool, codes: str | None, unknown: bool, reason: str | None, more_time: str | None) -> "Wish":
    """Check what was asked for."""
    from lumiere_sms.campaigns.retrying import DOUBTFUL, FAILED, Wish

    if failed == unknown:
        raise typer.BadParameter("give either --failed or --unknown")
    if unknown and codes is not None:
        raise typer.BadParameter("it goes with --failed", param_hint="--codes")
    if unknown and not reason:
        raise typer.BadParameter("say why they may be texted twice", param_hint="--reason")
    chosen = tuple(code for each in (codes or "").split(",") if (code := each.strip()))
    if codes is not None and not chosen:
        raise typer.BadParameter("name one or more, with commas between", param_hint="--codes")
    return Wish(DOUBTFUL if unknown else FAILED, chosen, _duration(more_time), reason)


def _ask(context: "Context", name: str, wish: "Wish") -> None:
    """Ask a person on a terminal; elsewhere --yes has to be said."""
    from lumiere_sms.campaigns.retrying import count_retries

    count = count_retries(context.database, context.user_id, name=name, wish=wish, clock=context.clock)
    risk = f"{count:,} in doubt: whoever has got the text gets a second one"
    if not is_terminal():
        raise typer.BadParameter(f"{risk}; say --yes", param_hint="--unknown")
    if not is_agreed(f"{risk}. Send again?"):
        output.say("nothing is sent again")
        raise typer.Exit(1)


def _said(retried: "Retried") -> str:
    parts = [f"{retried.waiting:,} wait to be texted again"]
    if retried.suppressed:
        parts.append(f"{retried.suppressed:,} stay suppressed")
    if retried.too_late:
        parts.append(f"{retried.too_late:,} have no window left (--expires-after gives them one)")
    return f'campaign "{retried.name}": {"; ".join(parts)}'


def _duration(text: str | None) -> "timedelta | None":
    from lumiere_sms.schedule.instants import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires-after") from error


def _read(who: str, country: str) -> str | UUID:
    """Read a recipient's id, or a number as it is typed."""
    from lumiere_sms.audience.phones import PhoneError, read_phone

    with suppress(ValueError):
        return UUID(who)
    if whole := re.fullmatch(r"\+\d{7,15}", re.sub(r"[\s().-]", "", who)):
        return whole[0]  # it is looked for, not texted: whatever was texted may be named
    try:
        return read_phone(who, country=country)
    except PhoneError as error:
        raise typer.BadParameter(str(error), param_hint="WHO") from error

"""`lumiere-sms inbox`: what people answered."""

from enum import StrEnum
from typing import Annotated

import typer

from lumiere_sms.cli import output

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What people answered, and what came of it: list, show, decide."
)

Key = Annotated[str, typer.Argument(help="The id that `inbox list` shows.")]


class Decision(StrEnum):
    """What a person may say that a message means."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    OTHER = "other"


@app.command("list")
def list_(
    context: typer.Context,
    review: Annotated[bool, typer.Option("--review", help="Only those that a person should look at.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many on a page.")] = 50,
    page: Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page.")] = 1,
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """List what people answered, the newest first.

    Example: lumiere-sms inbox list --review
    """
    from lumiere_sms.cli.inbox_views import show_list
    from lumiere_sms.tracking.inbox import list_inbox

    meaning = "review" if review else None
    with context.obj.database.transaction(read_only=True) as connection:
        found = list_inbox(connection, context.obj.user_id, meaning=meaning, limit=limit, page=page)
    more = page + 1 if len(found) == limit else None
    empty = "no answer waits for a decision" if review else "no answers; `run` takes them in"
    about = {"zone": context.obj.tenant.timezone, "more": more, "show_phones": show_phones, "as_json": as_json}
    show_list(found, **about, empty="no answers on this page" if page > 1 else empty)


@app.command()
def show(
    context: typer.Context, key: Key, show_phones: output.ShowPhones = False, as_json: output.AsJson = False
) -> None:
    """Show one message, the text that it answers, and what came of it.

    Example: lumiere-sms inbox show 5c0ffee5
    """
    from lumiere_sms.cli.inbox_views import show_message
    from lumiere_sms.tracking.inbox import find_message

    with context.obj.database.transaction(read_only=True) as connection:
        found = find_message(connection, context.obj.user_id, key)
    show_message(found, zone=context.obj.tenant.timezone, show_phones=show_phones, as_json=as_json)


@app.command()
def decide(
    context: typer.Context,
    key: Key,
    meaning: Annotated[Decision, typer.Option("--as", help="What it means.")],
    by: output.By = "operator",
) -> None:
    """Say what a message means, and do what it asks for: a stop refuses all texts to its number.

    Example: lumiere-sms inbox decide 5c0ffee5 --as stop
    """
    from lumiere_sms.audience.suppressions import find_suppression
    from lumiere_sms.cli.inbox_views import say_decided
    from lumiere_sms.messages.keywords import Meaning
    from lumiere_sms.tracking.inbox import find_message
    from lumiere_sms.tracking.replies import decide as done

    now = context.obj.clock.database_now()
    with context.obj.database.transaction() as connection:
        found = find_message(connection, context.obj.user_id, key)
        told = done(connection, context.obj.user_id, found["id"], meaning=Meaning(meaning.value), by=by, now=now)
        suppression = find_suppression(connection, context.obj.user_id, found["phone_number"])
    say_decided(told, suppression)

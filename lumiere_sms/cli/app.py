"""The command `lumiere-sms`: its names and one line each; a command's code is imported when it is called.

Each entry of COMMANDS names a module of this package. A module holds `app`, a `typer.Typer`: with several
commands it is a group; a module with a single command stands at the top under its entry's name.
"""

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "demo": "Run the whole job on example data: no account, no network.",
    "init": "Write a commented starter into a folder and prepare the database.",
    "plan": "Show what `apply` would change, who gets what, when and at what cost.",
    "apply": "Make the definitions so.",
    "simulate": "Show a month before it happens: what goes when, collisions, cost.",
    "explain": "Why somebody did, did not or will get a text.",
    "validate": "Check definition files without a database.",
    "schema": "Print the JSON Schema of definition files.",
    "run": "Launch due campaigns and send what may go; a daemon, or once with --once.",
    "status": "Show daemons, campaigns on their way, why nothing moves, and what waits for you.",
    "alert": "What a person should look at: list, acknowledge.",
    "send": "Send one template to a few numbers or a CSV.",
    "campaign": "Campaigns: create, show, schedule, pause, report.",
    "template": "Templates: list, show, preview, lint.",
    "segment": "Segments: list, show, preview, check, sql.",
    "customer": "Customers: import, list, show, set, export, erase.",
    "consent": "What people agreed to: show, grant, revoke, request, import, proof.",
    "suppression": "Numbers that are not texted: list, add, lift, import, export.",
    "inbox": "What people answered, and what came of it: list, show, decide.",
    "budget": "What may be spent, by a campaign and in a month: set, show.",
    "provider": "The companies that texts go through: list, check, drain, enable.",
    "limit": "How fast texts leave, in parts: set, show.",
    "tenant": "Businesses that share one database.",
    "audit": "Who changed what: tail, verify.",
    "db": "The database: upgrade, status, start, stop, backup, shell, grants.",
    "doctor": "Check database, credentials, sender and clock, and say how to mend each.",
    "verify": "The proofs: kill daemons while they text, and count who got what.",
    "units": "Print systemd units or crontab lines.",
    "sandbox": "A local server that stands in for Twilio, or for AWS, with faults on demand.",
    "guide": "Read the guide: definitions, timing, sequences, planning, sending and more.",
}


class LazyGroup(TyperGroup):
    """Lists commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        """Put a stand-in for each command: it knows the name and line that help, guesses and completion need."""
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=line) for name, line in COMMANDS.items()}

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options; help shows no type beside one that takes no value."""
        options = super().get_params(ctx)
        _say_no_types(options)
        return options

    def resolve_command(self, ctx: Any, args: "Sequence[str]") -> Any:
        """Import the command that was called."""
        name, command, rest = super().resolve_command(ctx, list(args))
        return name, _load(name, ctx) if name in COMMANDS else command, rest


def _load(name: str, ctx: Any) -> Any:
    from importlib import import_module

    command = typer.main.get_command(import_module(f"lumiere_sms.cli.{name}").app)
    command.name = name
    for each in (command, *getattr(command, "commands", {}).values()):
        _say_no_types(each.get_params(ctx))
    return command


def _say_no_types(options: "Sequence[Any]") -> None:
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""


app = typer.Typer(
    cls=LazyGroup,
    name="lumiere-sms",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lumiere-sms {version('lumiere-sms')}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    _version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """SMS campaigns for small businesses: nobody gets a text twice, nobody is lost.

    Start with: lumiere-sms demo
    """
    from lumiere_sms.cli.context import Context

    context.obj = context.obj or Context()
    context.call_on_close(context.obj.close)

"""`lumiere-sms init`."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.errors import ConfigurationError, StateError

STARTER = ("README.md", "campaigns.yaml", "customers.csv", "lumiere-sms.env")

app = typer.Typer(add_completion=False)


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write into; made if there is none.")],
    database: Annotated[bool, typer.Option(help="Prepare the database too.")] = True,
) -> None:
    """Write a commented starter into a folder and prepare the database. No file is overwritten.

    Example: lumiere-sms init my-salon
    """
    _require_room(folder)
    if database:
        from lumiere_sms.database.schema import upgrade

        before, after = upgrade(context.obj.runtime.server)
        output.say("the database is ready" if before == after else f"the database has schema {after} now")
    _write(folder)
    output.print_text(_next_commands(folder))


def _require_room(folder: Path) -> None:
    """Check that the starter can be written. Raises: StateError when a file of it exists."""
    if folder.exists() and not folder.is_dir():
        raise StateError(f"{folder} is a file", hint="name a folder")
    taken = [str(folder / name) for name in STARTER if (folder / name).exists()]
    if taken:
        raise StateError(f"already there: {', '.join(taken)}; nothing was changed", hint="name another folder")


def _write(folder: Path) -> None:
    starter = files("lumiere_sms") / "examples" / "starter"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in STARTER:
            with (folder / name).open("x", encoding="utf-8", newline="") as file:
                file.write((starter / name).read_text(encoding="utf-8"))
            output.say(f"wrote {folder / name}")
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be written: {error.strerror}") from error


def _next_commands(folder: Path) -> str:
    into = "" if folder.resolve() == Path.cwd() else f"cd {folder}\n"
    return (
        f"Next:\n{into}lumiere-sms customer import customers.csv\n"
        "lumiere-sms plan campaigns.yaml\nlumiere-sms apply campaigns.yaml\n"
        "lumiere-sms campaign schedule come-back --now\nlumiere-sms run --once"
    )

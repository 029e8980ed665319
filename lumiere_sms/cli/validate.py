"""`lumiere-sms validate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumiere_sms.cli import output
from lumiere_sms.errors import DefinitionError

if TYPE_CHECKING:
    from lumiere_sms.definitions.models import Definitions
    from lumiere_sms.definitions.reading import Reading

app = typer.Typer(add_completion=False)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="YAML files, or folders of them.")],
    as_json: output.AsJson = False,
) -> None:
    """Check definition files without a database: every problem at once, each at its place.

    Example: lumiere-sms validate campaigns.yaml
    """
    from lumiere_sms.definitions.reading import examine

    reading = examine(files)
    if as_json:
        output.print_json(_summary(reading))
        raise typer.Exit(DefinitionError.exit_code if reading.problems else 0)
    output.print_text(_told(reading.checked()))


def _summary(reading: "Reading") -> dict[str, Any]:
    found = reading.definitions
    return {
        "valid": not reading.problems,
        "files": found.files,
        "templates": list(found.templates),
        "segments": list(found.segments),
        "campaigns": list(found.campaigns),
        "problems": [
            {"file": one.file, "line": one.line, "column": one.column, "message": one.message, "hint": one.hint}
            for one in reading.problems
        ],
    }


def _told(found: "Definitions") -> str:
    counts = {"template": found.templates, "segment": found.segments, "campaign": found.campaigns}
    said = ", ".join(f"{len(names)} {kind}{'' if len(names) == 1 else 's'}" for kind, names in counts.items())
    return f"{', '.join(found.files)}: {said}\nvalid"

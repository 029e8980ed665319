"""`lumiere-sms schema`."""

import typer

from lumiere_sms.cli import output

app = typer.Typer(add_completion=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of definition files, for editors that complete and check YAML.

    With yaml-language-server (VS Code, Neovim, Emacs), save it and begin a
    definition file with: # yaml-language-server: $schema=lumiere-sms.schema.json

    Example: lumiere-sms schema > lumiere-sms.schema.json
    """
    from lumiere_sms.definitions.schema import definitions_schema

    output.print_json(definitions_schema())

"""`lumiere-sms doctor`."""

import sys

import typer

from lumiere_sms.cli.output import AsJson, fitted, print_json, print_text

app = typer.Typer(add_completion=False)


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check database, schema, clock, credentials and sender, and say how to mend each; exit 4 if one is not well.

    Example: lumiere-sms doctor
    """
    from lumiere_sms.doctor import examine
    from lumiere_sms.errors import ConfigurationError

    checks = list(examine(context.obj.runtime))
    if as_json:
        print_json(checks)
    for each in [] if as_json else checks:
        print_text(fitted(each.said, sys.stdout, label=f"{'ok ' if each.is_well else 'BAD'}  {each.name:<13}"))
        if each.hint:
            print_text(fitted(f"→ {each.hint}", sys.stdout, label=f"     {'':<13}"))
    raise typer.Exit(0 if all(each.is_well for each in checks) else ConfigurationError.exit_code)

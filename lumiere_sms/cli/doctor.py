"""`lumiere-sms doctor`."""

import typer

from lumiere_sms.cli.output import AsJson, print_json, print_text

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
        print_text(f"{'ok ' if each.is_well else 'BAD'}  {each.name:<13}{each.said}")
        if each.hint:
            print_text(f"     {'':<13}→ {each.hint}")
    raise typer.Exit(0 if all(each.is_well for each in checks) else ConfigurationError.exit_code)

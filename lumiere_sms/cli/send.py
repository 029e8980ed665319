"""`lumiere-sms send`."""

from pathlib import Path
from typing import Annotated

import typer

from lumiere_sms.cli import campaign_views as views
from lumiere_sms.cli import output

app = typer.Typer(add_completion=False)


@app.command()
def send(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    to: Annotated[list[str] | None, typer.Option(help="A number; may be given again.")] = None,
    file: Annotated[Path | None, typer.Option("--csv", help="A CSV with a column of phone numbers.")] = None,
    template: Annotated[str | None, typer.Option(help="The template to send.")] = None,
    message: Annotated[str | None, typer.Option(help="The text to send.")] = None,
    key: Annotated[str | None, typer.Option(help="What names this sending: the same key again sends nothing.")] = None,
    var: views.Variables = None,
    wait: views.Wait = False,
    by: output.By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Send one template to a few numbers or a CSV. Suppressed numbers and quiet hours hold.

    Exit 5 says that nobody of them may be texted, 6 that there is nobody, or that
    the key stands for another text; nothing is written down then.

    Example: lumiere-sms send --to +819012345678 --template welcome --key welcome-2031-04-01
    """
    from lumiere_sms.campaigns.addressees import read_list, read_numbers
    from lumiere_sms.campaigns.direct import define_direct, send_directly

    if bool(to) == (file is not None):
        raise typer.BadParameter("give either --to or --csv")
    if (template is None) == (message is None):
        raise typer.BadParameter("give either --template or --message")
    runtime, tenant = context.obj.runtime, context.obj.tenant
    values = {"template": template, "message": message, "variables": views.read_variables(var)}
    definition = define_direct(key, values, defaults_zone=tenant.timezone)
    if file is not None:
        addressees = read_list(file, country=tenant.country)
    else:
        addressees = read_numbers(to or (), country=tenant.country)
    about = {"definition": definition, "addressees": addressees, "clock": runtime.clock, "prices": runtime.prices}
    if wait:
        runtime.provider()  # what cannot be sent now is not written down to be sent later
    sent = send_directly(runtime.database, tenant, **about, by=by)
    views.show_sent(context.obj, sent, wait=wait, as_json=as_json, key=definition.name)

"""`lumiere-sms explain`."""

from typing import Annotated

import typer

from lumiere_sms.cli import output

app = typer.Typer(add_completion=False)


@app.command()
def explain(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(help="A phone number, a customer number or an id.")],
    campaign: Annotated[str | None, typer.Argument(help="The campaign; all that concern them if left out.")] = None,
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """Say why somebody did, did not or will get a campaign's text: every rule in order, with its fact.

    Example: lumiere-sms explain 080-1234-5678 spring-offer
    """
    from lumiere_sms.cli.explain_views import print_explanation, print_overview, shown
    from lumiere_sms.planning.explain import explain as explain_customer

    found = explain_customer(
        context.obj.database, context.obj.tenant, key=customer, campaign=campaign, clock=context.obj.clock
    )
    if as_json:
        output.print_json([shown(each, show_phones=show_phones) for each in found])
    elif campaign is None:
        print_overview(found, show_phones=show_phones)
    else:
        for each in found:
            print_explanation(each, show_phones=show_phones)

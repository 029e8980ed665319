"""`lumiere-sms demo`."""

from typing import TYPE_CHECKING, Any

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.analytics.report import Report

app = typer.Typer(add_completion=False)


@app.command()
def demo(context: typer.Context, as_json: output.AsJson = False) -> None:
    """Run the whole job on example data: import, plan, apply, send, report. No account, no network.

    Example: lumiere-sms demo --json
    """
    from lumiere_sms.clock import SystemClock
    from lumiere_sms.demo import run_demo

    with output.progress("sending", quiet=as_json) as progress:
        shown = run_demo(context.obj.settings, today=SystemClock().now(), say=output.say, progress=progress)
    if as_json:
        output.print_json({"campaigns": [_plain(report) for report in shown.campaigns]})
    else:
        for report in shown.campaigns:
            _show(report)
        output.print_text("\nNow your own: lumiere-sms init my-salon")


def _plain(report: "Report") -> dict[str, Any]:
    return {
        "name": report.name,
        "matched": report.matched,
        "excluded": report.exclusions,
        "recipients": report.recipients,
        "parts": report.parts,
        "cost": report.cost,
        "currency": report.currency,
    }


def _show(report: "Report") -> None:
    excluded = ", ".join(f"{count} {reason}" for reason, count in report.exclusions.items())
    fates = ", ".join(f"{count} {status}" for status, count in report.recipients.items())
    recipients = sum(report.recipients.values())
    output.print_text(f"\n{report.name} ({report.type})")
    output.print_facts(
        [
            ("  matched", report.matched),
            ("  excluded", excluded or "nobody"),
            ("  recipients", f"{recipients}: {fates}"),
            ("  sent", report.sent),
            ("  parts", report.parts),
            ("  cost", f"{report.cost} {report.currency}"),
        ]
    )

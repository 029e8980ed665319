"""`lumiere-sms guide`."""

import sys
from importlib.resources import files
from typing import Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.errors import StateError

app = typer.Typer(add_completion=False)

TOPICS = {
    "getting-started": "from nothing to a first campaign",
    "definitions": "templates, segments and campaigns in YAML",
    "customers": "lists of people, and segments of them",
    "consent": "who agreed, who refused, opt-out links, export and erase: the law",
    "timing": "when texts leave: windows, quiet hours, closing days, the best hour",
    "experiments": "wordings against each other, hold-outs, winners, canaries",
    "planning": "the consequence before it happens: slots, strategies, budgets",
    "sequences": "drip campaigns step by step, and reminders of appointments",
    "answers": "what people text back: stop, start, help, and what is answered",
    "messages": "writing texts: variables, parts and what they cost",
    "sending": "how texts are sent, and what is promised",
    "providers": "Twilio, AWS, and a provider of your own",
    "running": "cron, systemd, several machines",
    "sandbox": "a stand-in for Twilio in your own CI",
    "proofs": "try the promises on your own machine; who changed what",
}


@app.command()
def guide(topic: Annotated[str, typer.Argument(help="A topic; none lists them.")] = "") -> None:
    """Read the guide: without a topic, what topics there are.

    Example: lumiere-sms guide sending
    """
    if not topic:
        output.print_facts(TOPICS.items())
    else:
        _show(read_topic(topic))


def read_topic(topic: str) -> str:
    """Return a topic's Markdown. Raises: StateError when there is none of that name."""
    if topic not in TOPICS:
        raise StateError(f'the guide has no topic "{topic}"', hint="lumiere-sms guide")
    return (files("lumiere_sms") / "guide" / f"{topic}.md").read_text(encoding="utf-8")


def _show(markdown: str) -> None:
    if not sys.stdout.isatty():
        output.print_text(markdown)
        return
    from lumiere_sms.cli.pages import Page

    output.console().print(Page(markdown))

"""`sandbox serve`: the stand-in of a provider as a server of its own."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from lumiere_sms.testing.aws_server import AwsServer
    from lumiere_sms.testing.twilio_faults import Faults
    from lumiere_sms.testing.twilio_server import TwilioServer


class StandIn(StrEnum):
    """Whose API the server speaks."""

    TWILIO = "twilio"
    AWS = "aws"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A local server that stands in for Twilio, or for AWS, with faults on demand.",
)

FAULT_HELP = (
    "NAME=PROBABILITY; may be repeated. Names: throttle, error_before, error_after, cut_before, cut_after, "
    "silence_before, silence_after, html_before, html_after (before or after the text was accepted)."
)


@app.callback()
def sandbox() -> None:
    """Try everything without an account: no text leaves this machine."""


@app.command()
def serve(  # noqa: PLR0913 - each is an option of the command line
    *,
    provider: Annotated[StandIn, typer.Option(help="Whose API it speaks.")] = StandIn.TWILIO,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 is any free one.")] = 4010,
    log: Annotated[
        Path | None, typer.Option(help="Append each accepted text to this file, a JSON object a line.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(help=FAULT_HELP)] = None,
    latency: Annotated[str, typer.Option(help="How long an answer takes.")] = "0ms",
    deliver_after: Annotated[str, typer.Option(help="How long a text is on its way.")] = "1s",
    fail_delivery: Annotated[
        float, typer.Option(min=0, max=1, help="The share that the carrier does not deliver.")
    ] = 0.0,
    list_lag: Annotated[str, typer.Option(help="How long an accepted text is missing from the list.")] = "0s",
    seed: Annotated[int, typer.Option(help="Runs with one seed fail alike.")] = 0,
) -> None:
    """Serve until Ctrl-C or SIGTERM. `GET /_log` shows what was accepted, `DELETE /_log` forgets it.

    With twilio, `POST /_replies` is somebody who answers: guide answers.

    Example: lumiere-sms sandbox serve --log texts.jsonl --fault cut_after=0.05
    """
    from lumiere_sms.testing.twilio_faults import Faults, parse_shares, parse_wait

    faults = _checked(
        lambda: Faults(
            shares=parse_shares(fault or []),
            latency=parse_wait(latency),
            deliver_after=parse_wait(deliver_after),
            fail_delivery=fail_delivery,
            list_lag=parse_wait(list_lag),
            seed=seed,
        )
    )
    stopping = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)  # before a thread starts: each inherits it
    with _server(provider, faults, host=host, port=port, log=log) as server:
        _show(server)
        signal.sigwait(stopping)
    output.say(f"stopped; {len(server.accepted):,} texts were accepted")


def _server(
    provider: StandIn, faults: "Faults", *, host: str, port: int, log: Path | None
) -> "TwilioServer | AwsServer":
    match provider:
        case StandIn.TWILIO:
            from lumiere_sms.testing.twilio_server import TwilioServer

            return TwilioServer(faults, host=host, port=port, log=log)
        case StandIn.AWS:
            from lumiere_sms.testing.aws_server import AwsServer

            return AwsServer(faults, host=host, port=port, log=log)
        case never:
            assert_never(never)


def _show(server: "TwilioServer | AwsServer") -> None:
    for name, value in server.environment().items():
        output.print_text(f"export {name}={value}")
    sys.stdout.flush()
    output.say(f"listening on {server.url}; nothing leaves this machine; Ctrl-C stops it")


def _checked(make: "Callable[[], Faults]") -> "Faults":
    """Make what the options ask for. Raises: typer.BadParameter."""
    try:
        return make()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

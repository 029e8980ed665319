"""The minute in which a campaign that was told to go now can be taken back."""

import signal
import sys
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import typer

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.campaigns.scheduling import Scheduled
    from lumiere_sms.cli.context import Context

ON_A_TERMINAL = timedelta(seconds=60)
LONGEST = timedelta(days=1)
INTERRUPTED = 130  # exit code
TAKEN_BACK = {"cancelled", "draft", "paused"}  # by somebody else, while it was counted down


class Countdown:
    """Counts from when it was made. While it is open, Ctrl-C ends the count and not the command.

    So neither giving the time nor taking it back is ever cut off half-way.
    """

    def __init__(self, window: timedelta) -> None:
        """Take how long to count."""
        self.window = window
        self._ends_at = monotonic() + window.total_seconds()
        self._interrupted = Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        if self.window and is_terminal():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def passes(self) -> bool:
        """Count down on the terminal; say whether it came to its end."""
        while (left := self._ends_at - monotonic()) > 0 and not self._interrupted.wait(min(1.0, left)):
            sys.stderr.write(f"\rgoes in {max(0.0, self._ends_at - monotonic()):.0f} s; Ctrl-C takes it back  ")
            sys.stderr.flush()
        sys.stderr.write("\n")
        return not self._interrupted.is_set()

    def _interrupt(self, *_: Any) -> None:
        self._interrupted.set()


def read_window(given: str | None, *, now: bool) -> timedelta:
    """Read how long a campaign may be taken back; a minute on a terminal where nothing is said."""
    from lumiere_sms.schedule.instants import parse_duration

    if given is None:
        return ON_A_TERMINAL if now and is_terminal() else timedelta(0)
    if not now:
        raise typer.BadParameter("it goes with --now", param_hint="--undo-window")
    if given.strip() in {"0", "0s"}:
        return timedelta(0)
    window = _parsed(given, parse_duration)
    if window > LONGEST:
        raise typer.BadParameter("a day is the most; --at names a later time", param_hint="--undo-window")
    return window


def is_agreed(question: str) -> bool:
    """Ask a person on a terminal. Raises: KeyboardInterrupt for Ctrl-C, which typer takes for the end of the input."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from abort
        raise


def is_terminal() -> bool:
    """Say whether a person watches who can press Ctrl-C."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say_when(scheduled: "Scheduled") -> None:
    """Say when a campaign goes."""
    at = scheduled.occurs_at
    if at is None:
        output.say(f'campaign "{scheduled.name}" does not come up again')
        return
    output.say(f'campaign "{scheduled.name}" goes at {output.local(at, scheduled.zone)} ({at:%Y-%m-%d %H:%M} UTC)')


def offer(context: "Context", scheduled: "Scheduled", countdown: Countdown, *, by: str) -> None:
    """Let it be taken back while the window is open; end with 130 where it was."""
    from lumiere_sms.campaigns.listing import show_campaign
    from lumiere_sms.campaigns.scheduling import undo

    if not countdown.window:
        return
    if not is_terminal():
        output.say(f'until then, nobody is texted after: lumiere-sms campaign cancel "{scheduled.name}"')
    elif countdown.passes():
        found = show_campaign(context.database, context.user_id, name=scheduled.name)
        said = "was taken back meanwhile" if found["status"] in TAKEN_BACK else "goes now"
        output.say(f'campaign "{scheduled.name}" {said}: it is {found["status"]}')
    else:
        moved = undo(context.database, context.tenant, scheduled, clock=context.clock, by=by)
        nobody = "" if moved.after == "paused" else "; nobody was texted"
        output.say(f'taken back: campaign "{scheduled.name}" is {moved.after}{nobody}')
        raise typer.Exit(INTERRUPTED)


def _parsed(given: str, parse: Any) -> timedelta:
    try:
        duration: timedelta = parse(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--undo-window") from error
    return duration

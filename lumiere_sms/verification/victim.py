"""A daemon that knows when it will die: the real `run`, watched from a subclass of its database and its provider.

    python -m lumiere_sms.verification.victim ORDERS

Started by fleet.py. It reads the settings of its environment as `lumiere-sms run` does and kills itself with
SIGKILL at its moment, so that nothing of Python's own is tidied up.
"""

import os
import signal
import sys
from collections.abc import Sequence
from functools import cached_property
from threading import Thread
from time import sleep
from types import MappingProxyType

from lumiere_sms import logs
from lumiere_sms.clock import Clock, SystemClock
from lumiere_sms.daemon import run_until_done
from lumiere_sms.database.connection import Database
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import LumiereError
from lumiere_sms.providers.base import Accepted, Message, Provider, Receipt
from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings
from lumiere_sms.testing.clocks import HurriedClock
from lumiere_sms.verification.fates import Moment, Orders
from lumiere_sms.verification.watching import Stage, WatchedDatabase

STATEMENTS = (
    ("lumiere_sms.campaigns", "claim"),
    ("lumiere_sms.campaigns", "arm"),
    ("lumiere_sms.campaigns", "settle"),
    ("lumiere_sms.tracking", "bind_found"),
    ("lumiere_sms.tracking", "prove_absent"),
)
MOMENTS = MappingProxyType(
    {
        ("claim", Stage.COMMITTED): Moment.AFTER_CLAIM,
        ("arm", Stage.BEFORE): Moment.BEFORE_ARM,
        ("arm", Stage.EXECUTED): Moment.IN_ARM,
        ("arm", Stage.COMMITTED): Moment.AFTER_ARM,
        ("settle", Stage.COMMITTED): Moment.AFTER_SETTLE,
        ("bind_found", Stage.EXECUTED): Moment.IN_RECONCILE,
        ("prove_absent", Stage.EXECUTED): Moment.IN_RECONCILE,
    }
)


class Life:
    """Counts the moments as they pass, and ends at the one that was ordered."""

    def __init__(self, orders: Orders) -> None:
        self._fate = orders.fate
        self._mark = orders.mark
        self._left = orders.fate.passes

    def tell(self, name: str, stage: Stage) -> None:
        """Hear how far a statement is."""
        if moment := MOMENTS.get((name, stage)):
            self.pass_by(moment)

    def pass_by(self, moment: Moment) -> None:
        """Pass a moment, or die of it."""
        if moment is Moment.AFTER_CLAIM and not self._mark.exists():
            self._mark.touch()
        if moment is self._fate.moment:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class _MortalTwilio(TwilioProvider):
    """Twilio, in a daemon that may not live to hear what it answers."""

    life: Life

    async def submit(self, message: Message) -> Accepted:
        try:
            return await super().submit(message)
        finally:
            self.life.pass_by(Moment.AFTER_CALL)

    async def list_to(self, phone: str) -> Sequence[Receipt]:
        found = await super().list_to(phone)
        self.life.pass_by(Moment.IN_RECONCILE)
        return found


class _MortalRuntime(Runtime):
    def __init__(self, settings: Settings, *, clock: Clock, life: Life) -> None:
        super().__init__(settings, clock=clock)
        self._life = life

    @cached_property
    def server(self) -> Database:
        names = {statement(package, name): name for package, name in STATEMENTS}
        return WatchedDatabase(self.settings.database_url, names=names, tell=self._life.tell)

    def provider(self, name: str = "") -> Provider:  # noqa: ARG002 - a proof has one
        provider = _MortalTwilio.from_settings(self.settings)
        provider.life = self._life
        return provider


def main() -> None:
    """Run until killed; what the real command would tell an operator stands in the log."""
    orders = Orders.from_json(sys.argv[1])
    Thread(target=_follow, args=[os.getppid()], daemon=True).start()
    clock: Clock = SystemClock() if orders.speed == 1 else HurriedClock(orders.speed, orders.since)
    logs.set_up()
    runtime = _MortalRuntime(Settings.read(), clock=clock, life=Life(orders))
    try:
        sys.exit(run_until_done(runtime, once=False).exit_code)
    except LumiereError as error:
        logs.event("ended", error=error)
        sys.exit(error.exit_code)


def _follow(parent: int) -> None:
    """End with the proof, even where that was killed."""
    while os.getppid() == parent:
        sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

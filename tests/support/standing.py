"""Time passing over standing campaigns: what a daemon does, on a frozen clock."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from support.salon import prices

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.database.connection import Database
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider


@dataclass
class Life:
    """A database, a clock and a provider: call it to let time pass and see which texts left then."""

    database: Database
    clock: FrozenClock
    dispatcher_of: Callable[..., Dispatcher]
    provider: ScriptedProvider

    def __call__(self, **passed: float) -> list[str]:
        """Let that much time pass, as timedelta takes it; return the texts that left at the end of it."""
        self.clock.advance(timedelta(**passed))
        self.look()
        left = self.send()
        sweep(self.database, clock=self.clock)
        return left

    def look(self) -> None:
        """Do what is due, without sending."""
        do_what_is_due(self.database, clock=self.clock, prices=prices)

    def send(self) -> list[str]:
        """Send what may go now, without looking for anything new."""
        before = len(self.provider.accepted)
        asyncio.run(self.dispatcher_of(self.provider).run(once=True))
        return [each.body for each in self.provider.accepted[before:]]

    def day_by_day(self, days: int, *, step: timedelta = timedelta(hours=2)) -> list[str]:
        """Let days pass in steps; return all texts that left."""
        return [text for _ in range(int(timedelta(days=days) / step)) for text in self(seconds=step.total_seconds())]


def change(database: Database, customer_id: Any, **columns: Any) -> None:
    """Write columns of a customer, as an import or another program does."""
    names = ", ".join(f"{name} = %({name})s" for name in columns)
    with database.transaction() as connection:
        connection.execute(f"UPDATE customers SET {names} WHERE id = %(id)s", {**columns, "id": customer_id})

"""Copies a provider's own list of refusals: whoever has opted out there is not texted from here either.

A provider that answers a STOP by itself tells nobody; it swallows what is sent to that number afterwards, and
takes the money. Its list is of an account, so it counts for every tenant that texts through it. Once an hour
for all daemons together; nothing is ever taken back by its absence from the list.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from lumiere_sms.audience.returning import nameless
from lumiere_sms.audience.suppressions import suppress_all
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider

EVERY = timedelta(hours=1)
AGAIN_AFTER = timedelta(minutes=5)  # where the list could not be read to its end
SECONDS_BETWEEN = 0.2  # between pages: the list shares the account's limits with the texts


class OptOuts:
    """Copies the list of one provider."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        *,
        clock: Clock,
        seconds_between: float = SECONDS_BETWEEN,
    ) -> None:
        self._database = database
        self._provider = provider
        self._clock = clock
        self._between = seconds_between

    async def sync(self) -> int:
        """Copy the list if it is time; return how many numbers are suppressed that were not."""
        if not self._provider.has_opt_outs or not await asyncio.to_thread(self._lease):
            return 0
        suppressed = 0
        try:
            async for numbers in self._provider.list_opt_outs():
                suppressed += await asyncio.to_thread(partial(self._suppress, numbers))
                await asyncio.sleep(self._between)
            await asyncio.to_thread(self._finish)
        except ProviderError as error:
            event("opt-outs cannot be read", provider=self._provider.name, error=error)
        if suppressed:
            event("opted out", provider=self._provider.name, numbers=suppressed)
        return suppressed

    def _lease(self) -> bool:
        """Take the right to read the list, by compare and set; it comes free again if it is not read to its end."""
        binds = {**self._binds(), "every": EVERY, "early": EVERY - AGAIN_AFTER}
        with self._database.transaction(limits=LET_GO) as connection:
            connection.execute(
                "INSERT INTO provider_health (provider) VALUES (%(provider)s) ON CONFLICT (provider) DO NOTHING", binds
            )
            leased = connection.execute(
                "UPDATE provider_health SET opt_outs_at = coalesce(%(now)s::timestamptz, now()) - %(early)s::interval"
                " WHERE provider = %(provider)s AND (opt_outs_at IS NULL"
                " OR opt_outs_at <= coalesce(%(now)s::timestamptz, now()) - %(every)s::interval)",
                binds,
            )
            return leased.rowcount == 1

    def _finish(self) -> None:
        with self._database.transaction(limits=LET_GO) as connection:
            connection.execute(
                "UPDATE provider_health SET opt_outs_at = coalesce(%(now)s::timestamptz, now())"
                " WHERE provider = %(provider)s",
                self._binds(),
            )

    def _suppress(self, numbers: Sequence[str]) -> int:
        return sum(self._suppress_for(user_id, numbers) for user_id in self._tenants())

    def _tenants(self) -> list[UUID]:
        with self._database.transaction(read_only=True) as connection:
            found = connection.execute(
                "SELECT id FROM users WHERE providers IS NULL OR EXISTS ("
                " SELECT FROM unnest(providers) AS choice WHERE split_part(choice, ':', 1) = %(provider)s) ORDER BY id",
                {"provider": self._provider.name},
            )
            return [row["id"] for row in found]

    def _suppress_for(self, user_id: UUID, numbers: Sequence[str]) -> int:
        now = self._clock.database_now()
        with self._database.transaction(limits=LET_GO) as connection:
            binds = {"user_id": user_id, "numbers": list(numbers)}
            found = connection.execute(statement(__package__, "new_opt_outs"), binds).fetchall()
            erased = nameless(connection, user_id, [row["phone_number"] for row in found])
            new = [row["phone_number"] for row in found if row["phone_number"] not in erased]
            about = {"reason": "opted_out", "source": "provider", "by": self._provider.name}
            suppress_all(connection, user_id, new, now=now, **about)
            return len(new)

    def _binds(self) -> dict[str, Any]:
        return {"provider": self._provider.name, "now": self._clock.database_now()}

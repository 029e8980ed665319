"""Asks a provider what became of the texts it accepted, where no callback can reach us.

A sender's few open texts are fetched one by one; many are read from the provider's list, pages of a
day at a time. Gently: at most one request a second by default, and a poll that brought nothing
doubles the pause to the next, from seconds to minutes. A text that is still open after a day is
closed as it stands.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider, Receipt
from lumiere_sms.tracking.receipts import apply_receipts

SHARED = ("user_id", "sender", "now")  # by thousands of open texts: kept once
FEW = 20  # open texts of a sender that are fetched one by one
GIVE_UP = timedelta(days=1)
SHORTEST_PAUSE = 2.0  # seconds between polls
SECONDS_PER_OPEN = 0.001  # a look at twenty thousand open texts costs this machine and the provider something
LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Open:
    """An accepted text whose fate is not known yet. `now` is the database's instant."""

    user_id: UUID
    sender: str
    provider_message_id: str
    started_at: datetime
    now: datetime

    @property
    def is_old(self) -> bool:
        """Say whether nothing more is to be expected."""
        return self.started_at < self.now - GIVE_UP


class Poller:
    """Polls one provider. `seconds_between` requests spares its concurrency limit."""

    def __init__(self, database: Database, provider: Provider, *, clock: Clock, seconds_between: float = 1.0) -> None:
        self._database = database
        self._provider = provider
        self._clock = clock
        self._between = seconds_between
        self._is_first = True  # of the requests of one poll
        self._shortest = self.pause = SHORTEST_PAUSE

    async def poll(self) -> Counter[str]:
        """Ask once about everything that is open; return how many recipients took which status."""
        if not self._provider.has_receipts:
            self.pause = LONGEST_PAUSE
            return Counter()
        waiting = await asyncio.to_thread(self._open)
        self._is_first = True
        self._shortest = max(SHORTEST_PAUSE, SECONDS_PER_OPEN * len(waiting))
        moved: Counter[str] = Counter()
        try:
            for sender, group in groupby(waiting, lambda each: each.sender):
                moved += await self._poll_sender(sender, list(group))
        except ProviderError as error:
            event("poll failed", provider=self._provider.name, error=error)
        has_news = bool(moved.keys() - {"sent"})
        self.pause = self._shortest if has_news else min(self.pause * 2, LONGEST_PAUSE)
        return moved

    def hurry(self) -> None:
        """Look soon again: something was accepted."""
        self.pause = self._shortest

    def _open(self) -> list[Open]:
        binds = {"provider": self._provider.name, "now": self._clock.database_now()}
        same: dict[object, Any] = {}
        with self._database.transaction() as connection:
            rows = connection.execute(statement(__package__, "open_submissions"), binds)
            waiting = [Open(**row | {name: same.setdefault(row[name], row[name]) for name in SHARED}) for row in rows]
        self._close([each for each in waiting if each.is_old])
        return [each for each in waiting if not each.is_old]

    def _close(self, old: Sequence[Open]) -> None:
        for user_id, group in _by_tenant(old):
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE submissions SET closed_at = coalesce(%(now)s::timestamptz, now())"
                    " WHERE user_id = %(user_id)s AND provider = %(provider)s"
                    " AND provider_message_id = ANY (%(ids)s) AND closed_at IS NULL",
                    {
                        "user_id": user_id,
                        "provider": self._provider.name,
                        "ids": [each.provider_message_id for each in group],
                        "now": self._clock.database_now(),
                    },
                )

    async def _poll_sender(self, sender: str, waiting: list[Open]) -> Counter[str]:
        if len(waiting) <= FEW:
            return await self._fetch(waiting)
        moved: Counter[str] = Counter()
        for day in _days(waiting[0].started_at, waiting[0].now):
            moved += await self._list(sender, day, {each.provider_message_id: each for each in waiting})
        return moved

    async def _fetch(self, waiting: Sequence[Open]) -> Counter[str]:
        moved: Counter[str] = Counter()
        for each in waiting:
            await asyncio.sleep(0 if self._is_first else self._between)
            self._is_first = False
            receipt = await self._provider.fetch_receipt(each.provider_message_id)
            if receipt is not None:
                moved += await self._apply([receipt], {each.provider_message_id: each})
        return moved

    async def _list(self, sender: str, day: date, waiting: dict[str, Open]) -> Counter[str]:
        moved: Counter[str] = Counter()
        unseen = set(waiting)
        is_first = True
        async for page in self._provider.list_receipts(sender=sender, day=day):
            await asyncio.sleep(0 if is_first else self._between)
            is_first = False
            ours = [each for each in page if each.provider_message_id in waiting]
            unseen -= {each.provider_message_id for each in ours}
            moved += await self._apply(ours, waiting)
            if not unseen:
                break
        return moved

    async def _apply(self, receipts: Sequence[Receipt], waiting: dict[str, Open]) -> Counter[str]:
        return await asyncio.to_thread(partial(self._apply_now, receipts, waiting))

    def _apply_now(self, receipts: Sequence[Receipt], waiting: dict[str, Open]) -> Counter[str]:
        moved: Counter[str] = Counter()
        owners = {waiting[each.provider_message_id].user_id for each in receipts}
        for user_id in sorted(owners):
            with self._database.transaction(limits=LET_GO) as connection:
                moved += apply_receipts(
                    connection,
                    user_id,
                    [each for each in receipts if waiting[each.provider_message_id].user_id == user_id],
                    provider=self._provider.name,
                    source="poll",
                    meaning_of=self._provider.meaning_of,
                    now=self._clock.database_now(),
                )
        return moved


def _by_tenant(waiting: Sequence[Open]) -> Iterator[tuple[UUID, list[Open]]]:
    for user_id, group in groupby(sorted(waiting, key=lambda each: each.user_id), lambda each: each.user_id):
        yield user_id, list(group)


def _days(first: datetime, last: datetime) -> Iterator[date]:
    day = first.astimezone(UTC).date()
    while day <= last.astimezone(UTC).date():
        yield day
        day += timedelta(days=1)

"""Looks up in a provider's own records what became of the texts whose answer was lost.

One request at a time, and at most one a second for all daemons together: who may ask is a row in the
database. A request is about a number and settles every doubtful text to it. Nothing is held while it is
under way, and what a daemon that dies was looking at is looked at again by another. Two that look at the
same number at once do no harm: only a statement that still finds the attempt unknown settles it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider
from lumiere_sms.providers.prices import PriceOf
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.judging import ABSENT, Judge
from lumiere_sms.sending.looks import Looks

LONGEST_REQUEST = 34.0  # seconds
WAKEFUL = 3.0  # seconds after a text may go again within which every dispatcher has looked for it


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to ask for the records of one number; `at` is the database's instant, before the request."""

    phone: str
    at: datetime


class Reconciler:
    """Reconciles what was submitted through one provider, beside those of other daemons."""

    def __init__(self, host: Host, provider: Provider, *, price_of: PriceOf, looks: Looks) -> None:
        self._database = host.database
        self._clock = host.clock
        self._idling = host.idling
        self._idling.watch(self)
        self._provider = provider
        self._looks = looks
        self._judge = Judge(host.database, host.clock, provider, price_of, looks)
        self._waiting = 0
        self._resent_at = -WAKEFUL
        self._since: datetime | None = None  # the database's instant at which this daemon began

    async def reconcile(self) -> Counter[str]:
        """Look up whatever is due, at the fleet's pace; return how many texts were found, absent or are still open."""
        seen: Counter[str] = Counter()
        while (news := await self.step()) is not None:
            seen += news
            if not news:
                await asyncio.sleep(self._looks.seconds_between)
        await self.watch()
        return seen

    async def step(self) -> Counter[str] | None:
        """Look one number up; None when none is due, nothing when it is not yet the time for another request."""
        lease = await asyncio.to_thread(self._lease)
        if not isinstance(lease, Lease):
            return lease
        try:
            async with asyncio.timeout(LONGEST_REQUEST):
                records = await self._provider.list_to(lease.phone)
        except (ProviderError, TimeoutError) as error:
            said = str(error) or "no answer in time"
            event("look failed", provider=self._provider.name, error=said)
            return await asyncio.to_thread(partial(self._judge.put_off, lease.phone, said, at=lease.at))
        seen = await asyncio.to_thread(partial(self._judge.judge, lease.phone, records, at=lease.at))
        if seen[ABSENT]:
            self._resent_at = monotonic()
            self._idling.stir()  # it waits behind the place where claims go on
        return seen

    async def watch(self) -> None:
        """Keep a single pass at work while a text is in doubt that will soon be decided."""
        doubts, unsettled = self._idling.doubts, self._idling.unsettled  # what is settled by now, the answer holds
        found = await asyncio.to_thread(self._open_looks)
        texts = found["texts"]
        if texts > self._waiting:
            event("waiting for proof", provider=self._provider.name, texts=texts, until=f"{found['until']:%H:%M:%SZ}")
        self._waiting = texts
        is_news = unsettled or self._idling.doubts > doubts
        if texts or is_news or monotonic() - self._resent_at < WAKEFUL:
            self._idling.wake(self)
        else:
            self._idling.rest(self)

    def _open_looks(self) -> dict[str, Any]:
        binds = {**self._binds(), "last": self._looks.last, "margin": self._looks.gap, "since": self._since}
        with self._database.transaction(read_only=True) as connection:
            found = connection.execute(statement(__package__, "open_looks"), binds).fetchone()
        assert found is not None
        self._since = self._since or found["now"]
        return found

    def _lease(self) -> Lease | Counter[str] | None:
        """Take the right to look the next number up; nothing when it is too early, None when none is due."""
        binds = self._binds()
        with self._database.transaction(limits=LET_GO) as connection:
            if connection.execute(statement(__package__, "due_look"), binds).fetchone() is None:
                return None
            leased = connection.execute(statement(__package__, "lease_list"), binds).fetchone()
            if leased is None:
                return Counter()
            due = connection.execute(statement(__package__, "due_look"), binds).fetchone()
            if due is None:  # another was quicker
                return None
            for user_id in sorted(due["user_ids"]):
                connection.execute(statement(__package__, "lease_looks"), {**binds, **due, "user_id": user_id})
            return Lease(due["phone"], leased["list_at"] - binds["pause"])

    def _binds(self) -> dict[str, Any]:
        return {
            "provider": self._provider.name,
            "first": self._looks.after[0],
            "pause": timedelta(seconds=self._looks.seconds_between),
            "lease": self._looks.gap,
            "now": self._clock.database_now(),
        }

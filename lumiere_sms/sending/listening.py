"""Takes in what a provider reports by itself of the texts it was given: receipts, and what became of lost answers.

A batch of events is settled before the next one is asked for, and only then counts as taken: what a crash
leaves behind comes again. Each names its tenant in the context that the text was submitted with; one that names
none, or one that this database does not know, is about somebody else's text.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.providers.base import Provider, Receipt, Reply
from lumiere_sms.tracking.receipts import apply_receipts

LONGEST_PAUSE = 60.0  # seconds after a failure; the first pause is one second, each next one twice that


class Listener:
    """Listens to one provider; any number of daemons may, each event goes to one of them.

    What people answered goes to `settle_replies`, which returns how many messages mean what.
    """

    def __init__(
        self,
        database: Database,
        provider: Provider,
        *,
        clock: Clock,
        settle_replies: Callable[[Sequence[Reply]], Counter[str]] = lambda _: Counter(),
    ) -> None:
        self._settle_replies = settle_replies
        self._database = database
        self._provider = provider
        self._clock = clock
        self._pause = 0.0
        self._not_before = 0.0
        self._listening: asyncio.Task[Counter[str]] | None = None

    async def listen(self) -> Counter[str]:
        """Settle everything that has been reported by now; return how many recipients took which status.

        A pass goes on when whoever waits for it is cancelled, and who comes then waits for the same: what was settled
        at the end of a run is taken from the provider too.
        """
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._take())
        return await asyncio.shield(self._listening)

    async def _take(self) -> Counter[str]:
        moved: Counter[str] = Counter()
        if not self._provider.has_events or monotonic() < self._not_before:
            return moved
        try:
            async for happened in self._provider.events():
                moved += await asyncio.to_thread(partial(self._settle, happened))
            self._pause = 0.0
        except ProviderError as error:
            self._pause = min(max(1.0, self._pause * 2), LONGEST_PAUSE)
            self._not_before = monotonic() + self._pause
            event("listening failed", provider=self._provider.name, error=error, again_in=self._pause)
        return moved

    def _settle(self, happened: Sequence[Receipt | Reply]) -> Counter[str]:
        moved: Counter[str] = Counter()
        receipts = [each for each in happened if isinstance(each, Receipt)]
        if taken := self._settle_replies([each for each in happened if isinstance(each, Reply)]):
            event("answers", provider=self._provider.name, **taken)
        for user_id in self._tenants({each.user_id for each in receipts if each.user_id}):
            with self._database.transaction(limits=LET_GO) as connection:
                moved += apply_receipts(
                    connection,
                    user_id,
                    [each for each in receipts if each.user_id == user_id],
                    provider=self._provider.name,
                    source="event",
                    meaning_of=self._provider.meaning_of,
                    now=self._clock.database_now(),
                )
        return moved

    def _tenants(self, named: set[UUID]) -> list[UUID]:
        """Return those of some ids that are tenants here."""
        with self._database.transaction(read_only=True) as connection:
            found = connection.execute("SELECT id FROM users WHERE id = ANY (%s::uuid[]) ORDER BY id", [list(named)])
            return [row["id"] for row in found]

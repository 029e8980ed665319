"""Asks a provider what people answered, where no callback can reach us, and gives each answer to the tenant it is for.

Every half minute for all daemons together, and before a daemon sends its first text: whoever refused meanwhile is not
texted. What was not taken in to its end is asked for again; a message counts once, however often it is listed.

A sender has one tenant, but for the one that the settings name for whoever has none: what comes to that is for whoever
texted the number from it before, and a refusal for each who ever did. What answers no text and came to a number that is
nobody's sender (AWS calls a sender otherwise than people text it) is a stray: a refusal is for each tenant whose sender
that may be, anything else for the default tenant, or the first, of them.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import DEFAULT_SLUG, Tenant, list_tenants
from lumiere_sms.errors import ProviderError
from lumiere_sms.logs import event
from lumiere_sms.messages.keywords import Meaning, meaning_of
from lumiere_sms.providers.base import Provider, Reply
from lumiere_sms.providers.replies import SenderKind, kind_of_sender
from lumiere_sms.tracking.replies import apply_replies, storable

EVERY = timedelta(seconds=30)
OVERLAP = timedelta(hours=1)  # a provider may list a message late
ANSWERED_WITHIN = timedelta(days=30)  # so long after its last text a sender is asked about
FIRST_LOOK = timedelta(days=7)  # how far back whoever asks for the first time goes
SECONDS_BETWEEN = 0.2  # between pages: the list shares the account's limits with the texts
AT_ONCE = 100  # replies a transaction

_PLAIN = re.compile(r"\+?\d+", re.ASCII)  # a sender by the number that people text
_UNANSWERABLE = frozenset({SenderKind.ALPHANUMERIC, SenderKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Senders:
    """Whose a sender is at a provider: `default` is that of who has none, `primary` the provider of plain ones."""

    provider: str
    default: str = ""
    primary: str = ""

    def of(self, tenant: Tenant) -> str:
        """Return what a tenant's texts through the provider come from."""
        return tenant.sender_at(self.provider, primary=self.primary) or self.default


class ReplyPoller:
    """Asks one provider."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        *,
        senders: Senders,
        clock: Clock,
        seconds_between: float = SECONDS_BETWEEN,
    ) -> None:
        self._database = database
        self._provider = provider
        self._senders = senders
        self._clock = clock
        self._between = seconds_between
        self._not_before = 0.0

    async def poll(self, *, now: bool = False) -> Counter[str]:
        """Take in what people answered, if it is time or `now`; return how many messages mean what."""
        taken: Counter[str] = Counter()
        provider = self._provider
        if provider.has_events or not provider.has_replies or (not now and monotonic() < self._not_before):
            return taken
        self._not_before = monotonic() + EVERY.total_seconds()
        if (leased := await asyncio.to_thread(partial(self._lease, hurried=now))) is None:
            return taken
        since, at = leased
        try:
            for sender in await asyncio.to_thread(self._listened_to):
                async for page in provider.list_replies(sender=sender, since=since):
                    taken += await asyncio.to_thread(partial(self.settle, page))
                    await asyncio.sleep(self._between)
            await asyncio.to_thread(partial(self._finish, at))
        except ProviderError as error:
            event("answers cannot be read", provider=provider.name, error=error)
        return taken

    def settle(self, replies: Sequence[Reply]) -> Counter[str]:
        """Give replies to the tenants they are for; return how many messages mean what."""
        taken: Counter[str] = Counter()
        for user_id, own in self._by_tenant(replies).items():
            waiting = iter(own)
            while some := list(islice(waiting, AT_ONCE)):
                with self._database.transaction(limits=LET_GO) as connection:
                    now = self._clock.database_now()
                    taken += apply_replies(connection, user_id, some, provider=self._provider.name, now=now)
        return taken

    def _lease(self, *, hurried: bool) -> tuple[datetime, datetime] | None:
        """Take the right to ask; return since when, and the present instant."""
        binds = {
            "provider": self._provider.name,
            "pause": EVERY,
            "hurried": hurried,
            "now": self._clock.database_now(),
        }
        with self._database.transaction(limits=LET_GO) as connection:
            leased = connection.execute(statement(__package__, "lease_replies"), binds).fetchone()
        if leased is None:
            return None
        now = leased["replies_at"] - EVERY
        return leased["replies_until"] - OVERLAP if leased["replies_until"] else now - FIRST_LOOK, now

    def _finish(self, at: datetime) -> None:
        with self._database.transaction(limits=LET_GO) as connection:
            connection.execute(_FINISH, {"provider": self._provider.name, "at": at})

    def _listened_to(self) -> list[str]:
        found = {self._senders.of(tenant) for tenant in list_tenants(self._database)}
        binds = {"provider": self._provider.name, "within": ANSWERED_WITHIN, "now": self._clock.database_now()}
        with self._database.transaction(read_only=True) as connection:
            found |= {row["sender"] for row in connection.execute(_TEXTED_FROM, binds)}
        return sorted(each for each in found if kind_of_sender(each) not in _UNANSWERABLE)

    def _by_tenant(self, replies: Sequence[Reply]) -> Mapping[UUID, list[Reply]]:
        """Share replies out; of several tenants the one who texted last answers."""
        found: dict[UUID, list[Reply]] = defaultdict(list)
        for reply, owners in zip(replies, self._owners(replies), strict=True):
            for place, user_id in enumerate(owners):
                found[user_id].append(replace(reply, is_answered=reply.is_answered or place > 0))
        return dict(sorted(found.items()))

    def _owners(self, replies: Sequence[Reply]) -> Iterator[list[UUID]]:
        tenants = list_tenants(self._database)
        if len(tenants) == 1:
            return iter([[tenants[0].id]] * len(replies))
        return self._owners_of(replies, tenants)

    def _owners_of(self, replies: Sequence[Reply], tenants: Sequence[Tenant]) -> Iterator[list[UUID]]:
        by_sender: dict[str, list[UUID]] = defaultdict(list)
        for tenant in tenants:
            by_sender[self._senders.of(tenant)].append(tenant.id)
        binds = {
            "provider": self._provider.name,
            "phones": [storable(each.phone) for each in replies],
            "senders": [storable(each.sender) for each in replies],
            "ats": [each.received_at for each in replies],
            "answers": [storable(each.answers) for each in replies],
        }
        with self._database.transaction(read_only=True) as connection:
            texted = connection.execute(statement(__package__, "reply_owners"), binds).fetchall()
        for place, reply in enumerate(replies, start=1):
            own = _answered(reply, [row for row in texted if row["place"] == place])
            exact = _unique(row["user_id"] for row in own if row["from_that_sender"])
            whose = exact or by_sender.get(reply.sender) or _unique(row["user_id"] for row in own)
            yield whose or self._keepers(tenants, reply)

    def _keepers(self, tenants: Sequence[Tenant], reply: Reply) -> list[UUID]:
        """Return who keeps an answer that nothing says whose it is."""
        ordered = sorted(tenants, key=lambda tenant: tenant.slug != DEFAULT_SLUG)
        possible = [each for each in ordered if not _PLAIN.fullmatch(self._senders.of(each))] or ordered[:1]
        return [each.id for each in (possible if meaning_of(reply.body) is Meaning.STOP else possible[:1])]


def _answered(reply: Reply, texted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return whose texts a reply may answer: those before it, if there are any; a refusal is for who came later too."""
    before = [row for row in texted if row["is_before"]]
    return before if before and meaning_of(reply.body) is not Meaning.STOP else texted


def _unique(ids: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


# A tenant may have another sender by now: what its texts came from before is answered all the same.
_TEXTED_FROM: LiteralString = """
    SELECT sender FROM pace_limits
    WHERE provider = %(provider)s AND tat > coalesce(%(now)s::timestamptz, now()) - %(within)s::interval
"""
_FINISH: LiteralString = """
    UPDATE provider_health SET replies_until = %(at)s
    WHERE provider = %(provider)s AND (replies_until IS NULL OR replies_until < %(at)s)
"""

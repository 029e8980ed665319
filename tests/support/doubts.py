"""Texts in doubt, and the looks that settle them, on a frozen clock."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from support.salon import rows
from support.seeds import Seeded, seed_campaign

from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.providers.prices import list_price
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.looks import Looks
from lumiere_sms.sending.reconciling import Reconciler
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider

WORDS = "the same words"


def reconciler_of(database: Database, provider: ScriptedProvider, clock: FrozenClock, **looks: Any) -> Reconciler:
    host = Host(database, new_id(), clock, random.Random(1))
    return Reconciler(host, provider, price_of=lambda _: list_price("twilio", "JP"), looks=Looks(**looks))


def look(reconciler: Reconciler, clock: FrozenClock, *, after: float = 0) -> Counter[str]:
    """Look up all that is due `after` seconds from now; each request takes a second of the fleet's."""
    clock.advance(timedelta(seconds=after))
    seen: Counter[str] = Counter()
    while (news := asyncio.run(reconciler.step())) is not None:
        seen += news
        clock.advance(timedelta(seconds=1))
    return seen


def look_to_the_end(reconciler: Reconciler, clock: FrozenClock) -> Counter[str]:
    """Take the planned looks: the first finds, or the last proves that there is nothing."""
    return sum((look(reconciler, clock, after=seconds) for seconds in (5, 26, 90, 61)), Counter())


def send(dispatcher_of: Callable[..., Dispatcher], provider: ScriptedProvider) -> None:
    asyncio.run(dispatcher_of(provider).run(once=True))


def seed_same_words(database: Database, user_id: UUID, *, name: str, clock: FrozenClock) -> Seeded:
    """A campaign with one text, to the number and in the words of every other such campaign."""
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1, name=name)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET personalized_content = %s WHERE campaign_id = %s",
            [WORDS, seeded.campaign_id],
        )
    return seeded


def findings(database: Database) -> list[str | None]:
    return [each["finding"] for each in rows(database, "submissions", order="started_at, id")]


def put_in_doubt(database: Database, seeded: Seeded, *, clock: FrozenClock, provider: str = "twilio") -> None:
    """Let every text of a campaign have been submitted once, its answer lost."""
    binds = {"user_id": seeded.user_id, "campaign_id": seeded.campaign_id, "provider": provider, "now": clock.now()}
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'unknown', attempt = 1, provider = %(provider)s"
            " WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s",
            binds,
        )
        connection.execute(
            "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
            " attempt, parts, started_at, outcome, detail, settled_at)"
            " SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, %(provider)s, '+15005550006', 1, 1,"
            " %(now)s, 'unknown', 'the answer was lost', %(now)s FROM campaign_recipients"
            " WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s",
            binds,
        )

"""A dispatcher that sends through a scripted provider on a frozen clock."""

import random
from collections.abc import Callable

import pytest
from support.claimers import Unhurried
from support.standing import Life

from lumiere_sms.database.connection import Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.providers.prices import PriceOf, list_price
from lumiere_sms.sending import wire
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.scripted import ScriptedProvider

SENDER = "+15005550006"


@pytest.fixture(autouse=True)
def never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that began late for the machine's load would have to go again, and the frozen clock may not let it."""
    monkeypatch.setattr(wire, "STALE", 60.0)


@pytest.fixture
def dispatcher_of(database: Database, clock: FrozenClock) -> Callable[..., Dispatcher]:
    def make(
        provider: ScriptedProvider,
        *,
        slots: int = 8,
        parts_per_second: float = 4000,
        kind: type[Dispatcher] = Dispatcher,
        price_of: PriceOf = lambda _: list_price("twilio", "JP"),
    ) -> Dispatcher:
        register_senders(database, provider=provider.name, default_sender=SENDER, parts_per_second=parts_per_second)
        daemon = new_id()
        return kind(
            Host(database, daemon, clock, random.Random(1)),
            provider,
            claimer=Unhurried(daemon, provider=provider.name, default_sender=SENDER),
            price_of=price_of,
            slots=slots,
        )

    return make


@pytest.fixture
def life(database: Database, clock: FrozenClock, dispatcher_of: Callable[..., Dispatcher]) -> Life:
    return Life(database, clock, dispatcher_of, ScriptedProvider())

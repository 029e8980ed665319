import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from support.salon import add_customer
from support.seeds import phone

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.errors import UnavailableError
from lumiere_sms.sending.opt_outs import AGAIN_AFTER, EVERY, OptOuts
from lumiere_sms.testing.scripted import ScriptedProvider


class Lists(ScriptedProvider):
    has_opt_outs = True

    def __init__(self, *pages: Sequence[str], failure: UnavailableError | None = None) -> None:
        super().__init__()
        self.pages = pages
        self.failure = failure
        self.reads = 0

    async def list_opt_outs(self) -> AsyncIterator[Sequence[str]]:
        self.reads += 1
        for page in self.pages:
            yield page
        if self.failure:
            raise self.failure


@pytest.fixture
def synced(database, clock):
    def sync(provider: ScriptedProvider) -> int:
        return asyncio.run(OptOuts(database, provider, clock=clock, seconds_between=0).sync())

    return sync


def suppressed(database, user_id):
    with database.transaction() as connection:
        found = connection.execute(
            "SELECT phone_number, reason, source FROM suppressions WHERE user_id = %s ORDER BY 1", [user_id]
        ).fetchall()
    return [tuple(row.values()) for row in found]


def test_who_has_opted_out_at_the_provider_is_suppressed_and_the_customer_knows(database, user_id, synced, clock):
    add_customer(database, user_id, phone(1))

    assert synced(Lists([phone(1), phone(2)], [phone(3), "nonsense"])) == 3

    assert suppressed(database, user_id) == [(phone(n), "opted_out", "provider") for n in (1, 2, 3)]
    with database.transaction() as connection:
        assert connection.execute("SELECT opt_out_date FROM customers").fetchone() == {"opt_out_date": clock.now()}


def test_a_refusal_outranks_another_reason_and_is_written_once(database, user_id, synced, clock):
    with database.transaction() as connection:
        suppress(connection, user_id, phone(1), reason="blocked", source="provider", now=clock.now())

    assert synced(Lists([phone(1)])) == 1
    clock.advance(EVERY)
    assert synced(Lists([phone(1)])) == 0

    assert suppressed(database, user_id) == [(phone(1), "opted_out", "provider")]


def test_the_list_is_read_once_an_hour_whoever_asks(synced, clock):
    provider = Lists([phone(1)])

    synced(provider)
    synced(provider)
    clock.advance(EVERY - timedelta(seconds=1))
    synced(provider)
    assert provider.reads == 1

    clock.advance(timedelta(seconds=1))
    synced(provider)
    assert provider.reads == 2


def test_a_list_that_broke_off_counts_as_far_as_it_went_and_is_read_again_soon(database, user_id, synced, clock):
    provider = Lists([phone(1)], failure=UnavailableError("throttled"))

    assert synced(provider) == 1
    provider.failure = None
    assert synced(provider) == 0
    clock.advance(AGAIN_AFTER)
    synced(provider)

    assert provider.reads == 2
    assert suppressed(database, user_id) == [(phone(1), "opted_out", "provider")]


def test_only_tenants_that_text_through_the_provider_take_its_list_over(database, user_id, synced):
    here = create_tenant(database, "here", sender="+15005550007")
    elsewhere = create_tenant(database, "elsewhere", sender="+15005550008")
    with database.transaction() as connection:
        connection.execute("UPDATE users SET providers = '{twilio:70,scripted:30}' WHERE id = %s", [here.id])
        connection.execute("UPDATE users SET providers = '{twilio}' WHERE id = %s", [elsewhere.id])

    assert synced(Lists([phone(1)])) == 2

    assert suppressed(database, user_id)
    assert suppressed(database, here.id)
    assert suppressed(database, elsewhere.id) == []


def test_a_provider_without_a_list_is_not_asked(database, synced):
    assert synced(ScriptedProvider()) == 0

    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM provider_health").fetchone() == {"count": 0}

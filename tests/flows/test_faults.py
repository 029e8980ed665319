import asyncio

import psycopg
import pytest
from psycopg import sql
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.database.connection import Database
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.testing.scripted import ScriptedProvider

DISK_FULL = """
    CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE disk_full USING MESSAGE = ''No space left on device''; END';
    CREATE TRIGGER full_disk BEFORE {on} FOR EACH ROW EXECUTE FUNCTION fill();
"""
ROOM_AGAIN = "DROP FUNCTION IF EXISTS fill CASCADE"


class Hasty(Dispatcher):
    """Tries again soon where the database refuses."""

    reconnect = 0.02


class Stumbling(Hasty):
    """Has a bug: the step `stumbles_at` fails, but for the first time it is taken."""

    stumbles_at = ""
    steps = 0

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.stumbled = asyncio.Event()

    def _stumble(self, step):
        if step == self.stumbles_at:
            self.steps += 1
            if self.steps > 1:
                raise ZeroDivisionError

    def stop(self):
        self.stumbled.set()
        super().stop()

    async def _claim(self, *args, **more):
        self._stumble("claim")
        return await super()._claim(*args, **more)

    def _arm_now(self, *args):
        self._stumble("arm")
        return super()._arm_now(*args)

    def _settle_now(self, *args):
        self._stumble("settle")
        return super()._settle_now(*args)


@pytest.fixture
def execute(database_url):
    def run(statement, *parts):
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(statement, *parts)

    return run


def submitted(provider):
    return sorted(each.to for each in provider.submissions)


@pytest.mark.parametrize("step", ["claim", "arm"])
def test_a_bug_of_ours_ends_the_run_and_what_is_on_the_wire_is_settled_first(
    database, user_id, clock, dispatcher_of, step
):
    class OneIsSlow(ScriptedProvider):
        async def submit(self, message):
            if message.to == phone(0):
                await dispatcher.stumbled.wait()
            return await super().submit(message)

    seed_campaign(database, user_id, now=clock.now(), texts=20)
    provider = OneIsSlow()
    dispatcher = dispatcher_of(provider, slots=4, kind=Stumbling)
    dispatcher.stumbles_at = step

    with pytest.raises(ZeroDivisionError):
        asyncio.run(dispatcher.run(once=False))

    found = statuses(database, user_id)
    assert phone(0) in submitted(provider)
    assert found.keys() <= {"sent", "pending", "claimed"}
    assert found["sent"] == len(provider.submissions)


def test_an_answer_that_cannot_be_recorded_takes_no_other_along(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=3)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider, slots=1, kind=Stumbling)
    dispatcher.stumbles_at = "settle"

    with pytest.raises(ZeroDivisionError):
        asyncio.run(dispatcher.run(once=True))

    assert statuses(database, user_id)["sent"] == 1
    assert statuses(database, user_id)["submitting"] == len(provider.submissions) - 1


def test_a_full_disk_under_the_arm_sends_nothing_and_ends_a_pass_with_a_sentence(
    database, user_id, clock, dispatcher_of, execute
):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    provider = ScriptedProvider()
    execute(DISK_FULL.format(on="INSERT ON submissions"))

    with pytest.raises(ConfigurationError, match="the disk of the database is full: No space left"):
        asyncio.run(dispatcher_of(provider, kind=Hasty).run(once=True))
    refused = submitted(provider), statuses(database, user_id)
    execute(ROOM_AGAIN)
    asyncio.run(dispatcher_of(provider, kind=Hasty).run(once=True))

    assert refused == ([], {"pending": 5})
    assert submitted(provider) == [phone(number) for number in range(5)]
    assert statuses(database, user_id) == {"sent": 5}


def test_an_answer_waits_for_room_on_the_disk(database, user_id, clock, dispatcher_of, execute):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider, kind=Hasty)

    async def room_is_made_after_a_while():
        provider.hold()
        running = asyncio.create_task(dispatcher.run(once=True))
        await provider.arrived(5)
        execute(DISK_FULL.format(on="UPDATE ON submissions"))
        provider.release()
        await asyncio.sleep(0.2)
        full = statuses(database, user_id)
        execute(ROOM_AGAIN)
        await running
        return full

    assert asyncio.run(room_is_made_after_a_while()) == {"submitting": 5}
    assert statuses(database, user_id) == {"sent": 5}
    assert len(provider.submissions) == 5


def test_a_database_that_takes_no_writes_sends_nothing_and_goes_on_when_it_does(
    database, database_url, user_id, clock, dispatcher_of, execute
):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider, kind=Hasty)
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    dispatcher._database = Database(database_url)

    with pytest.raises(ConfigurationError, match="the database takes no writes"):
        asyncio.run(dispatcher.run(once=True))
    refused = submitted(provider)
    execute(sql.SQL("SET transaction_read_only = off; ALTER DATABASE {} RESET ALL").format(name))
    dispatcher._database.close()
    asyncio.run(dispatcher_of(provider, kind=Hasty).run(once=True))

    assert refused == []
    assert statuses(database, user_id) == {"sent": 5}


def test_a_pass_that_cannot_record_an_answer_ends_when_its_lease_would(
    database, user_id, clock, dispatcher_of, execute
):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    provider = ScriptedProvider()
    dispatcher = dispatcher_of(provider, kind=Hasty)
    dispatcher.insistence = 0.1

    async def no_room_is_made():
        provider.hold()
        running = asyncio.create_task(dispatcher.run(once=True))
        await provider.arrived(1)
        execute(DISK_FULL.format(on="UPDATE ON submissions"))
        provider.release()
        await running

    with pytest.raises(ConfigurationError, match="the disk of the database is full"):
        asyncio.run(no_room_is_made())

    assert statuses(database, user_id) == {"submitting": 1}

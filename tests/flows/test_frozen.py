import asyncio
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from support.seeds import seed_campaign, statuses

from lumiere_sms.database.connection import Database
from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.base import Accepted, Action
from lumiere_sms.sending.sweeping import expire, reap
from lumiere_sms.sending.wire import WAKEFUL
from lumiere_sms.testing.scripted import ScriptedProvider


class Frozen(Database):
    """Notes how long PostgreSQL would wait for a silent process in each transaction that may hold locks."""

    waits: set[str] = set()  # noqa: RUF012 - of one test

    @contextmanager
    def transaction(self, *, read_only=False, limits=""):
        with super().transaction(read_only=read_only, limits=limits) as connection:
            yield connection
            holds = connection.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS holds").fetchone()
            if holds["holds"]:
                found = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
                self.waits.add(found["idle_in_transaction_session_timeout"])


def test_a_frozen_daemon_lets_go_of_the_pace_and_of_recipients(database_url, user_id, clock, dispatcher_of, database):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    seed_campaign(database, user_id, now=clock.now(), texts=5, name="old", first=10, expires_in=timedelta(minutes=1))
    frozen = Frozen(database_url)
    answers = [UnavailableError("slower", action=Action.CUT_PACE), RejectedError("no", action=Action.STOP_CAMPAIGN)]
    dispatcher = dispatcher_of(ScriptedProvider(answers), slots=2)
    dispatcher._database = frozen

    asyncio.run(dispatcher.run(once=True))
    clock.advance(timedelta(hours=6))
    reap(frozen, clock=clock)
    expire(frozen, clock=clock)
    frozen.close()

    assert frozen.waits == {"5s"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the monotonic clock goes on by itself")
def test_the_age_of_an_arm_counts_the_time_that_the_machine_slept():
    assert WAKEFUL == time.CLOCK_BOOTTIME


def test_words_that_postgresql_cannot_store_settle_all_the_same(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=2)

    asyncio.run(dispatcher_of(ScriptedProvider([RejectedError("n\0o\ud800", code="47\0" + "11")])).run(once=True))

    assert statuses(database, user_id) == {"failed": 1, "sent": 1}


def test_a_count_of_parts_that_is_none_is_not_believed(database, user_id, clock, dispatcher_of):
    class Boastful(ScriptedProvider):
        async def submit(self, message):
            return Accepted((await super().submit(message)).provider_message_id, parts=10**9)

    seed_campaign(database, user_id, now=clock.now(), texts=1, parts=2)

    asyncio.run(dispatcher_of(Boastful()).run(once=True))

    with database.transaction() as connection:
        row = connection.execute("SELECT status, segments_used FROM campaign_recipients").fetchone()
    assert row == {"status": "sent", "segments_used": 2}

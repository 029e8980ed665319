from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from support.processes import wait_until
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.campaigns import lifecycle, recipients
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.providers.prices import list_price

DAEMON = new_id()
SENDER = "+15005550006"


@pytest.fixture
def claimed(database, user_id, clock):
    """A campaign of two texts that a daemon holds claimed."""
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'claimed', fence = 1, claimed_by = %s, claimed_until = %s",
            [DAEMON, clock.now() + recipients.LEASE],
        )
    return seeded


@pytest.fixture
def arm(user_id, clock, claimed):
    def make(connection, leave_by=None):
        asked = [
            recipients.Asked(
                id=id_,
                fence=1,
                attempt_id=new_id(),
                campaign_id=claimed.campaign_id,
                sender=SENDER,
                phone_number=phone(number),
                parts=1,
                leave_by=leave_by,
            )
            for number, id_ in enumerate(claimed.recipient_ids)
        ]
        about = {"daemon": DAEMON, "provider": "scripted", "price_of": lambda _: list_price("twilio", "JP")}
        return recipients.arm(connection, user_id, asked, **about, now=clock.now()).passed

    return make


@pytest.fixture
def somebody_waits(database_url):
    def look() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with psycopg.connect(database_url, autocommit=True) as connection:
            return connection.execute(query).fetchone()[0] > 0

    return lambda: wait_until(look)


STOPS = {"paused": lifecycle.pause, "cancelled": lifecycle.cancel}


@pytest.mark.parametrize("stop", STOPS)
def test_who_stops_a_campaign_waits_for_an_arm_that_is_being_committed_and_lists_what_it_let_pass(
    database, user_id, clock, arm, somebody_waits, stop
):
    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            passed = arm(connection)
            stopping = others.submit(STOPS[stop], database, user_id, name="spring", clock=clock)
            somebody_waits()
            waited = not stopping.done()
        moved = stopping.result()

    assert (len(passed), waited) == (2, True)
    assert [each.status for each in moved.in_flight] == ["submitting"] * 2


@pytest.mark.parametrize("stop", STOPS)
def test_no_arm_is_committed_after_a_campaign_was_stopped_though_it_began_before(
    database, user_id, clock, arm, somebody_waits, stop
):
    def arm_late():
        with database.transaction() as connection:
            return arm(connection)

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            connection.execute(
                "UPDATE sms_campaigns SET status = %s, status_reason = 'by hand' WHERE user_id = %s", [stop, user_id]
            )
            arming = others.submit(arm_late)
            somebody_waits()
        passed = arming.result()

    assert (passed, statuses(database, user_id)) == (set(), {"claimed": 2})


@pytest.mark.parametrize(
    ("late", "passed"), [pytest.param(0, 2, id="in time"), pytest.param(1, 0, id="a microsecond after its window")]
)
def test_a_text_that_its_provider_could_keep_beyond_its_window_does_not_pass_the_arm(
    database, clock, arm, late, passed
):
    with database.transaction() as connection:
        armed = arm(connection, leave_by=clock.now() - timedelta(microseconds=late))

    assert len(armed) == passed


def test_a_text_that_expired_since_its_claim_does_not_pass_the_arm(database, user_id, clock, arm):
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET expires_at = %s", [clock.now()])
        armed = arm(connection)

    assert armed == set()

from datetime import datetime, timedelta

import psycopg
import pytest
from support.salon import add_customer, apply_text, only, rows, tenant_of
from support.seeds import seed_campaign

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.lifecycle import resume
from lumiere_sms.campaigns.stop_queries import SAYS_TRUE, ask, stop_where_asked
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.errors import RefusedError
from lumiere_sms.providers.prices import list_price
from lumiere_sms.testing.clocks import FrozenClock

LEAVES_ITS_ROLE = """
    SELECT set_config('role', 'none', true) = 'none'
        AND query_to_xml('SELECT 1 FROM customers', true, true, '') IS NOT NULL
"""
FULL = "SELECT count(*) >= 2 FROM bookings"


@pytest.fixture
def bookings(database):
    def book(count: int) -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO bookings SELECT generate_series(1, %s)", [count])

    with database.transaction() as connection:
        connection.execute("CREATE TABLE bookings (seat integer)")
    return book


@pytest.fixture
def state(database):
    def read() -> tuple[str, str | None]:
        campaign = only(database, "sms_campaigns")
        return campaign["status"], campaign["status_reason"]

    return read


def campaign_text(query: str) -> str:
    return f'campaigns:\n  spring:\n    message: hello\n    segment: all\n    schedule: now\n    stop_when: "{query}"\n'


def launch(database, clock):
    return do_what_is_due(database, clock=clock, prices=lambda _: list_price("twilio", "JP"), stop_role="")


def test_a_running_campaign_is_paused_when_its_query_says_true_and_not_before(
    database, user_id, clock, bookings, state
):
    seed_campaign(database, user_id, now=clock.now(), stop_when=FULL)

    bookings(1)
    before = stop_where_asked(database, clock=clock), state()
    bookings(1)
    after = stop_where_asked(database, clock=clock), state()

    assert before == ([], ("running", None))
    assert after == (["spring"], ("paused", SAYS_TRUE))
    assert [alert["message"] for alert in rows(database, "alerts")] == [SAYS_TRUE]
    entry = rows(database, "audit_log")[-1]
    assert (entry["actor"], entry["action"], entry["reason"]) == ("rule", "campaign.pause", SAYS_TRUE)


def test_a_campaign_is_asked_before_its_launch_and_nobody_gets_a_text_where_it_says_true(
    database, user_id, clock, bookings, state, tmp_path
):
    add_customer(database, user_id, "+819012345678")
    apply_text(database, tmp_path, campaign_text(FULL), clock=clock)
    bookings(2)

    launched = launch(database, clock)

    assert (launched, state()) == ([], ("paused", SAYS_TRUE))
    assert rows(database, "campaign_recipients") == []


def test_who_is_resumed_and_no_longer_says_true_is_launched(database, user_id, clock, bookings, state, tmp_path):
    add_customer(database, user_id, "+819012345678")
    apply_text(database, tmp_path, campaign_text(FULL), clock=clock)
    bookings(2)
    launch(database, clock)
    with database.transaction() as connection:
        connection.execute("DELETE FROM bookings")

    resume(database, user_id, name="spring", clock=clock)

    assert [each.kept for each in launch(database, clock)] == [1]
    assert state() == ("running", None)


def test_a_query_that_says_nothing_any_more_pauses_and_says_why(database, user_id, clock, bookings, state):
    seed_campaign(database, user_id, now=clock.now(), stop_when=FULL)
    with database.transaction() as connection:
        connection.execute("DROP TABLE bookings")

    stop_where_asked(database, clock=clock)

    assert state() == ("paused", 'its stop_when cannot be asked: relation "bookings" does not exist')


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("SELECT pg_sleep(3) IS NULL", "takes longer than 2 seconds", id="sleeps"),
        pytest.param("INSERT INTO bookings VALUES (1) RETURNING true", "cannot be asked: syntax error", id="inserts"),
        pytest.param("WITH gone AS (DELETE FROM bookings RETURNING 1) SELECT true", "cannot be asked", id="deletes"),
        pytest.param("SELECT nextval('numbers') > 0", "writes, and may only read", id="writes in a function"),
        pytest.param("SELECT true) AS a; DROP TABLE bookings; SELECT (true", "cannot be asked", id="two statements"),
        pytest.param(
            "SELECT set_config('transaction_read_only', 'off', true) = ''",
            "says set_config, and may only read",
            id="makes itself writable",
        ),
        pytest.param("SELECT true FROM generate_series(1, 3)", "gives several rows, and must give one", id="rows"),
        pytest.param("SELECT true WHERE false", "gives 0 rows, and must give one", id="no row"),
        pytest.param("SELECT true AS a, false AS b", "gives 2 columns, and must give one", id="columns"),
        pytest.param("SELECT true, false", "gives 2 columns, and must give one", id="columns of one name"),
        pytest.param("SELECT count(*) FROM bookings", "says 0, and must say true or false", id="a number"),
        pytest.param("SELECT NULL::boolean", "says nothing (NULL), and must say true or false", id="null"),
    ],
)
def test_a_query_that_is_none_is_refused_by_apply_and_nothing_is_changed(
    database, user_id, clock, bookings, tmp_path, query, said
):
    with database.transaction() as connection:
        connection.execute("CREATE SEQUENCE numbers")
    bookings(0)

    with pytest.raises(RefusedError) as refused:
        apply_text(database, tmp_path, campaign_text(query), clock=clock)

    assert f':2:3: campaign "spring": stop_when {said}' in str(refused.value)
    assert rows(database, "sms_campaigns") == []


def test_with_several_tenants_a_query_is_refused_unless_a_role_is_named_that_sees_what_it_may(
    database, user_id, clock, bookings
):
    create_tenant(database, slug="other", name="Other", timezone="Asia/Tokyo", country="JP", currency="JPY")
    role = f"reads_{user_id.hex[:8]}_{database.url[-8:]}".replace("-", "_")
    bookings(2)
    with database.transaction() as connection:
        connection.execute(psycopg.sql.SQL("CREATE ROLE {}").format(psycopg.sql.Identifier(role)))
        connection.execute(psycopg.sql.SQL("GRANT SELECT ON bookings TO {}").format(psycopg.sql.Identifier(role)))

    try:
        with pytest.raises(RefusedError, match="several share this database"):
            ask(database, FULL)
        with pytest.raises(RefusedError, match="permission denied for table customers"):
            ask(database, "SELECT count(*) > 0 FROM customers", role=role)
        for escape in (LEAVES_ITS_ROLE, LEAVES_ITS_ROLE.replace("set_config", '"set_config"')):
            with pytest.raises(RefusedError, match="may only read"):
                ask(database, escape, role=role)
        said = ask(database, FULL + ";", role=role)
    finally:
        with database.transaction() as connection:
            connection.execute(psycopg.sql.SQL("DROP OWNED BY {}").format(psycopg.sql.Identifier(role)))
            connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))

    assert said is True
    assert tenant_of(database).slug == "default"


class Passing(FrozenClock):
    """A minute goes by whenever somebody looks at it."""

    def database_now(self) -> datetime:
        self.advance(timedelta(minutes=1))
        return self.now()


def test_what_falls_due_after_the_queries_were_asked_is_not_launched_before_its_own_is(
    database, clock, tmp_path, state
):
    later = campaign_text("SELECT true").replace("schedule: now", 'schedule: "2026-03-15 10:02"')
    apply_text(database, tmp_path, later, clock=clock)
    clock = Passing(clock.now())

    looks = [(launch(database, clock), state()) for _ in range(2)]

    assert looks == [([], ("scheduled", None)), ([], ("paused", SAYS_TRUE))]

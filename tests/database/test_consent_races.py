"""Two who note at once what one person says about texts: neither overwrites the other, and neither waits for ever."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from support.processes import wait_until
from support.salon import add_customer, only, rows, tenant_of

from lumiere_sms.audience.consent_lists import import_consents
from lumiere_sms.audience.consent_rows import count_differing
from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.audience.customers import change_customer
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppressions import lift, suppress
from lumiere_sms.errors import StateError

PHONE = "+819012345678"


@pytest.fixture
def somebody_waits(database_url):
    def waits(people: int) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with psycopg.connect(database_url, autocommit=True) as connection:
            return connection.execute(query).fetchone()[0] >= people

    return lambda people=1: wait_until(lambda: waits(people))


@pytest.fixture
def take(database, clock, tmp_path):
    """Take a list in."""

    def importing(text: str) -> None:
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        import_customers(
            database, tenant_of(database), path, options=ImportOptions(), now=clock.now(), progress=lambda *_: None
        )

    return importing


def by_word(connection, tenant, now):
    revoke(connection, tenant, PHONE, Said(("promotional",)), now=now)


def by_column(connection, tenant, now):
    change_customer(connection, tenant, PHONE, assignments=["allow_promotional=no"], now=now)


@pytest.mark.parametrize("take_back", [by_word, by_column])
def test_a_list_that_is_being_taken_in_gives_nothing_back_that_somebody_takes_back_meanwhile(
    database, user_id, clock, take, somebody_waits, take_back
):
    add_customer(database, user_id, PHONE, external_id="C1", visit_count=1)

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            take_back(connection, tenant_of(database), clock.now())
            taking = others.submit(take, f"顧客番号,電話番号,来店回数,販促可\nC1,{PHONE},2,はい\n")
            somebody_waits()
        taking.result()

    customer = only(database, "customers")
    assert (customer["visit_count"], customer["allow_promotional"]) == (2, False)
    with database.transaction() as connection:
        assert count_differing(connection, user_id) == 0


def set_to_no(database, tenant, clock):
    with database.transaction() as connection:
        return change_customer(connection, tenant, PHONE, assignments=["allow_promotional=no"], now=clock.now())


def test_a_no_that_is_set_while_somebody_notes_a_yes_is_noted_too(database, user_id, clock, somebody_waits):
    add_customer(database, user_id, PHONE, allow_promotional=False)
    tenant = tenant_of(database)

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            grant(connection, tenant, PHONE, Said(("promotional",)), now=clock.now())
            setting = others.submit(set_to_no, database, tenant, clock)
            somebody_waits()
        setting.result()

    with database.transaction() as connection:
        assert count_differing(connection, user_id) == 0
    assert [row["is_granted"] for row in rows(database, "consents", order="id")] == [True, False]


def refuse(connection, user_id, now):
    suppress(connection, user_id, PHONE, reason="opted_out", source="provider", now=now)


def want(connection, user_id, now):
    lift(connection, user_id, PHONE, now=now)


@pytest.mark.parametrize(("reason", "change"), [("landline", refuse), ("opted_out", want)])
def test_whoever_holds_a_customer_may_take_the_number_behind_it(
    database, user_id, clock, somebody_waits, reason, change
):
    """As an import, an erasure and a consent that lifts a refusal do, which begin with the customer."""
    add_customer(database, user_id, PHONE)
    with database.transaction() as connection:
        suppress(connection, user_id, PHONE, reason=reason, source="operator", now=clock.now())

    def changing() -> None:
        with database.transaction() as connection:
            change(connection, user_id, clock.now())

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            connection.execute("SELECT id FROM customers WHERE user_id = %s FOR NO KEY UPDATE", [user_id])
            waiting = others.submit(changing)
            somebody_waits()
            connection.execute("UPDATE suppressions SET note = 'seen' WHERE user_id = %s", [user_id])
        waiting.result()


@pytest.mark.parametrize("agreed", [False, True])
def test_who_refuses_without_waiting_for_a_list_has_refused_after_the_lists_yes(
    database, user_id, clock, take, somebody_waits, agreed
):
    add_customer(database, user_id, PHONE, external_id="C1", allow_promotional=agreed)

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            refuse(connection, user_id, clock.now())
            taking = others.submit(take, f"顧客番号,電話番号,販促可,同意日\nC1,{PHONE},はい,2026-03-01\n")
            somebody_waits()
        taking.result()

    with database.transaction() as connection:
        assert count_differing(connection, user_id) == 0
    said = [row for row in rows(database, "consents", order="id") if row["purpose"] == "promotional"]
    assert [(row["is_granted"], row["source"]) for row in said][-2:] == [(True, "import"), (False, "provider")]


def test_a_refusal_that_is_lifted_while_a_list_tells_it_too_was_told_again_by_the_list(
    database, user_id, clock, take, somebody_waits
):
    add_customer(database, user_id, PHONE, external_id="C1")
    with database.transaction() as connection:
        refuse(connection, user_id, clock.now())

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            want(connection, user_id, clock.now())
            taking = others.submit(take, f"顧客番号,電話番号,配信停止日\nC1,{PHONE},2026-03-01\n")
            somebody_waits()
        taking.result()

    assert only(database, "customers")["opt_out_date"] is not None
    with database.transaction() as connection:
        assert count_differing(connection, user_id) == 0


def test_a_yes_is_not_taken_in_of_whom_an_earlier_refusal_is_noted_since_the_list_was_read(
    database, user_id, clock, take, somebody_waits, tmp_path
):
    add_customer(database, user_id, PHONE, external_id="C1")
    agreed = tmp_path / "agreed.csv"
    agreed.write_text("external_id,purpose,date\nC1,all,2026-03-05\n", encoding="utf-8")

    with ThreadPoolExecutor(2) as others:
        with database.transaction() as connection:
            connection.execute("SELECT id FROM customers WHERE user_id = %s FOR NO KEY UPDATE", [user_id])
            refusing = others.submit(take, f"顧客番号,電話番号,配信停止日\nC1,{PHONE},2026-03-01\n")
            somebody_waits()
            agreeing = others.submit(import_consents, database, tenant_of(database), agreed, now=clock.now())
            somebody_waits(2)
        refusing.result()
        with pytest.raises(StateError, match="refusal has just been noted"):
            agreeing.result()

    assert {row["is_granted"] for row in rows(database, "consents")} == {False}


def test_who_comes_to_have_a_number_while_its_refusal_waits_has_refused_too(database, user_id, clock, somebody_waits):
    add_customer(database, user_id, PHONE, external_id="mother")

    def refusing() -> None:
        with database.transaction() as connection:
            refuse(connection, user_id, clock.now())

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            connection.execute("SELECT id FROM customers WHERE user_id = %s FOR NO KEY UPDATE", [user_id])
            waiting = others.submit(refusing)
            somebody_waits()
            connection.execute(
                "INSERT INTO customers (user_id, id, external_id, phone_number)"
                " VALUES (%s, gen_random_uuid(), 'daughter', %s)",
                [user_id, PHONE],
            )
        waiting.result()

    assert [row["opt_out_date"] is not None for row in rows(database, "customers")] == [True, True]
    assert len(rows(database, "consents")) == 4

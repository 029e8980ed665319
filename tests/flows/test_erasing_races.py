"""An erasure beside whatever brings a person, or their number, back at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from psycopg import connect
from support.dumps import dump
from support.processes import wait_until
from support.salon import add_customer, add_customers, apply_text, only, rows, tenant_of

from lumiere_sms.audience.consent_lists import import_consents
from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.audience.customers import Wish, set_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.segments import create_segment
from lumiere_sms.audience.suppressions import Words, suppress
from lumiere_sms.errors import StateError
from lumiere_sms.privacy.erasing import erase, erase_person
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.privacy.subjects import find_subject
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

NUMBER = "+819012345678"
FOR_ALL = "campaigns: {spring: {segment: all, schedule: now, send_rate_per_minute: 60000, message: hello}}"


@pytest.fixture
def refused(database, user_id, clock):
    who = add_customer(database, user_id, NUMBER, external_id="OLD", last_name="桜庭")
    with database.transaction() as connection:
        suppress(connection, user_id, NUMBER, reason="opted_out", source="reply", now=clock.now())
    return who


@pytest.fixture
def while_erasing(database, database_url, user_id, clock):
    """Begin an erasure, let something else begin and wait for it, then commit."""

    def somebody_waits() -> bool:
        asked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with connect(database_url) as connection:
            return connection.execute(asked).fetchone() is not None

    @contextmanager
    def during(step: Callable[[], object]) -> Iterator[Future[object]]:
        with ThreadPoolExecutor(1) as other:
            with database.transaction() as connection:
                subject = find_subject(connection, tenant_of(database), "OLD")
                erase(connection, user_id, subject, now=clock.now())
                meanwhile = other.submit(step)
                wait_until(somebody_waits)
            yield meanwhile

    return during


def test_a_list_that_brings_the_number_back_while_its_owner_is_erased_brings_the_refusal_back(
    database, clock, tmp_path, life, refused, while_erasing
):
    path = tmp_path / "list.csv"
    path.write_text("external_id,phone\nNEW,090-1234-5678\n", encoding="utf-8")
    options = ImportOptions(allow_promotional=True)
    about = {"options": options, "now": clock.now(), "progress": lambda *_: None}

    with while_erasing(lambda: import_customers(database, tenant_of(database), path, **about)) as imported:
        imported.result()
    apply_text(database, tmp_path, FOR_ALL, clock=clock)

    assert only(database, "suppressions")["phone_number"] == NUMBER
    assert only(database, "customers")["opt_out_date"] is not None
    assert life() == []


def test_somebody_who_gets_the_number_while_its_owner_is_erased_gets_the_refusal_too(
    database, user_id, clock, refused, while_erasing
):
    add_customer(database, user_id, None, external_id="NEW")

    def give():
        with database.transaction() as connection:
            about = {"assignments": [f"phone={NUMBER}"], "wish": Wish.NONE, "now": clock.now()}
            set_customers(connection, tenant_of(database), "NEW", **about)

    with while_erasing(give) as given:
        given.result()

    assert only(database, "suppressions")["phone_number"] == NUMBER
    assert only(database, "customers")["opt_out_date"] is not None


def test_a_change_to_somebody_who_is_just_being_erased_ends_with_a_sentence(database, clock, refused, while_erasing):
    def change():
        with database.transaction() as connection:
            about = {"assignments": ["phone=080-1111-2222"], "wish": Wish.NONE, "now": clock.now()}
            set_customers(connection, tenant_of(database), "OLD", **about)

    with while_erasing(change) as changed, pytest.raises(StateError, match="just been erased"):
        changed.result()

    assert rows(database, "customers") == []


@pytest.mark.parametrize(
    ("act", "said"),
    [
        pytest.param(grant, Said(words=Words(evidence={"paper": "桜庭"})), id="a yes"),
        pytest.param(revoke, Said(("promotional",), words=Words(evidence={"paper": "桜庭"})), id="a no"),
    ],
)
def test_what_proves_a_consent_is_not_kept_of_somebody_who_is_just_being_erased(
    database, user_id, clock, while_erasing, act, said
):
    add_customer(database, user_id, NUMBER, external_id="OLD", last_name="桜庭")

    def note():
        with database.transaction() as connection:
            act(connection, tenant_of(database), "OLD", said, now=clock.now())

    with while_erasing(note) as noted, pytest.raises(StateError, match="just been erased"):
        noted.result()

    assert rows(database, "consents") == rows(database, "consent_evidence") == rows(database, "person_keys") == []


def test_a_list_of_consents_beside_an_erasure_keeps_nothing_of_who_goes(
    database, user_id, clock, tmp_path, while_erasing
):
    add_customer(database, user_id, NUMBER, external_id="OLD", last_name="桜庭")
    path = tmp_path / "papers.csv"
    path.write_text(
        "external_id,purpose,consent_date,evidence\nOLD,promotional,2026-03-01,signed by 桜庭\n", encoding="utf-8"
    )

    with (
        while_erasing(lambda: import_consents(database, tenant_of(database), path, now=clock.now())) as taken,
        pytest.raises(StateError, match="just been erased"),
    ):
        taken.result()

    assert rows(database, "consents") == rows(database, "consent_evidence") == rows(database, "person_keys") == []


def test_a_list_of_people_that_is_made_while_one_is_erased_ends_with_a_sentence(database, user_id, while_erasing):
    add_customer(database, user_id, NUMBER, external_id="OLD")

    def make():
        with database.transaction() as connection:
            create_segment(connection, user_id, {"name": "friends", "members": ["OLD"]})

    with while_erasing(make) as made, pytest.raises(StateError, match="no customer has"):
        made.result()

    assert rows(database, "audience_segments") == rows(database, "segment_revisions") == []


def test_an_answer_that_comes_while_its_writer_is_erased_is_taken_in_as_from_nobody(
    database, database_url, user_id, clock, tmp_path, life, refused, while_erasing
):
    def answer():
        said = Reply("IN1", NUMBER, "+15005550006", "桜庭です", clock.now())
        with database.transaction() as connection:
            return apply_replies(connection, user_id, [said], provider="scripted", now=clock.now())

    with while_erasing(answer) as answered:
        answered.result()

    message = only(database, "inbound_messages")
    assert (message["customer_id"], message["body"]) == (None, "桜庭です")
    assert only(database, "suppressions")["phone_number"] == NUMBER, "whoever writes may not be texted either"


def test_people_who_are_erased_while_texts_leave_get_none_afterwards_and_are_nowhere(
    database, database_url, user_id, clock, tmp_path, life
):
    add_customers(database, user_id, 120)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)
    life.look()
    erased = [f"C1{number:07d}" for number in range(0, 120, 2)]
    numbers = {row["external_id"]: row["phone_number"] for row in rows(database, "customers")}

    with ThreadPoolExecutor(1) as other:
        sending = other.submit(life.send)
        for key in erased:
            erase_person(database, tenant_of(database), key, now=clock.now())
        sending.result()
    clock.advance(timedelta(minutes=20))
    finish_erasures(database, clock=clock)

    told = dump(database_url)
    assert [key for key in erased if numbers[key] in told or key in told] == []
    assert len(life.provider.accepted) <= 120
    armed = {row["recipient_id"] for row in rows(database, "submissions")}
    assert {row["id"] for row in rows(database, "campaign_recipients") if row["status"] == "cancelled"} & armed == set()

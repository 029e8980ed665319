from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, only, rows, tenant_of
from support.seeds import phone, seed_campaign

from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.campaigns.retention_options import read_retention
from lumiere_sms.campaigns.retrying import FAILED, Wish, retry
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.audit import check, entries
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import StateError, UsageError
from lumiere_sms.privacy.retention import apply_retention


@pytest.fixture
def rule(database, clock):
    def change(*options):
        change_rules(database, "default", {"retention": read_retention(options)}, by="operator", now=clock.now())

    return change


@pytest.fixture
def seeded(database, user_id, clock):
    """Three texts that are over, and one that is in doubt in another run."""
    over = seed_campaign(database, user_id, now=clock.now(), texts=3)
    doubtful = seed_campaign(database, user_id, now=clock.now(), texts=2, name="doubtful", first=10)
    with database.transaction() as connection:
        binds = {"user_id": user_id, "now": clock.now(), "unknown": doubtful.recipient_ids[0]}
        connection.execute(
            "UPDATE campaign_recipients SET status = 'sent', provider_message_id = 'SM', updated_at = %(now)s", binds
        )
        connection.execute("UPDATE campaign_recipients SET status = 'unknown' WHERE id = %(unknown)s", binds)
        connection.execute("UPDATE campaign_occurrences SET status = 'completed', completed_at = %(now)s", binds)
        for number in range(3):
            receipt = {**binds, "id": new_id(), "message": f"SM{number}", "at": clock.now() + timedelta(days=number)}
            connection.execute(
                "INSERT INTO delivery_events (user_id, id, provider, provider_message_id, status, source, received_at)"
                " VALUES (%(user_id)s, %(id)s, 'scripted', %(message)s, 'delivered', 'poll', %(at)s)",
                receipt,
            )
            answer = {**receipt, "meaning": "review" if number == 0 else "other", "phone": phone(number)}
            connection.execute(
                "INSERT INTO inbound_messages (user_id, id, provider, provider_message_id, phone_number, sender, body,"
                " received_at, meaning) VALUES (%(user_id)s, %(id)s, 'scripted', %(message)s, %(phone)s, '+1', 'yes',"
                " %(at)s, %(meaning)s)",
                answer,
            )
    return over


def texts(database):
    return [row["personalized_content"] for row in rows(database, "campaign_recipients")]


def test_without_a_rule_nothing_ever_goes(database, clock, seeded):
    clock.advance(timedelta(days=10_000))

    assert apply_retention(database, clock=clock) == {}


def test_texts_of_runs_that_are_over_are_emptied_and_what_is_in_doubt_is_not(database, clock, seeded, rule):
    rule("texts=400d")
    clock.advance(timedelta(days=399))
    early = apply_retention(database, clock=clock)
    clock.advance(timedelta(days=2))

    gone, again = apply_retention(database, clock=clock), apply_retention(database, clock=clock)

    assert (early, gone, again) == ({}, {"texts": 3}, {})
    assert texts(database) == ["", "", "", "text 0 of doubtful", "text 1 of doubtful"]
    assert {row["phone_number"] for row in rows(database, "campaign_recipients")} == {
        phone(n) for n in (0, 1, 2, 10, 11)
    }


@pytest.mark.parametrize("source", ["send", "definitions"])
def test_the_words_of_what_was_sent_by_hand_go_with_its_texts(database, user_id, clock, rule, source):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    said = Jsonb({"message": "Dear Hanako", "variables": {"name": "Hanako"}})
    with database.transaction() as connection:
        binds = {"now": clock.now(), "source": source, "said": said}
        connection.execute("UPDATE campaign_recipients SET status = 'failed', updated_at = %(now)s", binds)
        connection.execute(
            "UPDATE campaign_occurrences SET status = 'completed', completed_at = %(now)s,"
            " definition = definition || %(said)s",
            binds,
        )
        connection.execute(
            "UPDATE sms_campaigns SET status = 'completed', source = %(source)s, message_content = 'Dear Hanako',"
            " definition = definition || %(said)s",
            binds,
        )
    rule("texts=31d")
    clock.advance(timedelta(days=32))

    gone = apply_retention(database, clock=clock)

    kept = [*rows(database, "sms_campaigns"), *rows(database, "campaign_occurrences")]
    assert gone == {"texts": 2}
    assert [str(row).count("Hanako") for row in kept] == ([0, 0] if source == "send" else [3, 2])


def test_a_text_whose_words_are_kept_no_longer_is_not_sent_again_without_them(database, user_id, clock, rule):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    with database.transaction() as connection:
        binds = {"now": clock.now()}
        connection.execute("UPDATE campaign_recipients SET status = 'failed', updated_at = %(now)s", binds)
        connection.execute("UPDATE campaign_occurrences SET status = 'completed', completed_at = %(now)s", binds)
        connection.execute("UPDATE sms_campaigns SET status = 'completed'")
    rule("texts=31d")
    clock.advance(timedelta(days=32))
    apply_retention(database, clock=clock)

    with pytest.raises(StateError, match="nobody who is failed"):
        retry(database, user_id, name="spring", wish=Wish(FAILED, more_time=timedelta(days=60)), clock=clock)


def test_receipts_go_from_the_oldest_on(database, clock, seeded, rule):
    rule("events=40d")
    clock.advance(timedelta(days=41, hours=1))

    assert apply_retention(database, clock=clock) == {"events": 2}
    assert only(database, "delivery_events")["provider_message_id"] == "SM2"


def test_an_answer_that_nobody_has_looked_at_stays(database, clock, seeded, rule):
    rule("answers=40d")
    clock.advance(timedelta(days=50))

    assert apply_retention(database, clock=clock) == {"answers": 2}
    assert [row["body"] for row in rows(database, "inbound_messages", order="received_at")] == ["yes", "", ""]


def test_people_go_when_nothing_is_heard_of_them_and_nothing_is_sent(database, user_id, clock, rule):
    old = {"created_at": clock.now(), "updated_at": clock.now()}
    add_customer(database, user_id, phone(1), external_id="SILENT", **old)
    add_customer(
        database,
        user_id,
        phone(2),
        external_id="VISITED",
        last_visit_date=clock.now().date() + timedelta(days=90),
        **old,
    )
    add_customer(
        database, user_id, phone(3), external_id="COMING", next_appointment_at=clock.now() + timedelta(days=500), **old
    )
    add_customer(
        database,
        user_id,
        phone(4),
        external_id="NEW",
        created_at=clock.now() + timedelta(days=90),
        updated_at=clock.now(),
    )
    rule("people=400d")
    clock.advance(timedelta(days=401))

    assert apply_retention(database, clock=clock) == {"people": 1}
    assert [row["external_id"] for row in rows(database, "customers")] == ["VISITED", "COMING", "NEW"]
    with database.transaction() as connection:
        noted = [(entry["actor"], entry["action"]) for entry in entries(connection, user_id)]
    assert noted == [
        ("operator", "tenant.rules"),
        ("retention", "customer.erase"),
        ("retention", "retention.apply"),
    ]
    assert check(database, user_id).breaks == ()


def test_people_who_said_something_of_texts_since_are_heard_of(database, user_id, clock, rule):
    old = {"created_at": clock.now(), "updated_at": clock.now(), "allow_promotional": False}
    for number, name in enumerate(("SILENT", "AGREED", "TOOK BACK")):
        add_customer(database, user_id, phone(number), external_id=name, **old)
    rule("people=400d")
    clock.advance(timedelta(days=399))
    with database.transaction() as connection:
        grant(connection, tenant_of(database), "AGREED", Said(("promotional",)), now=clock.now())
        revoke(connection, tenant_of(database), "TOOK BACK", Said(("reminder",)), now=clock.now())
    clock.advance(timedelta(days=2))

    assert apply_retention(database, clock=clock) == {"people": 1}
    assert [row["external_id"] for row in rows(database, "customers")] == ["AGREED", "TOOK BACK"]


def test_people_behind_many_whose_text_still_waits_go_too(database, user_id, clock, rule):
    old = {"created_at": clock.now(), "updated_at": clock.now()}
    for number in range(55):
        add_customer(database, user_id, phone(number), **old)
    seed_campaign(database, user_id, now=clock.now(), texts=53)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients AS recipient SET customer_id = customers.id FROM customers"
            " WHERE customers.phone_number = recipient.phone_number"
        )
    rule("people=400d")
    clock.advance(timedelta(days=401))

    assert apply_retention(database, clock=clock) == {"people": 2}
    assert len(rows(database, "customers")) == 53


def test_more_than_a_thousand_rows_go_in_parts(database, user_id, clock, rule):
    seed_campaign(database, user_id, now=clock.now(), texts=2_100)
    with database.transaction() as connection:
        binds = {"now": clock.now()}
        connection.execute("UPDATE campaign_recipients SET status = 'failed', updated_at = %(now)s", binds)
        connection.execute("UPDATE campaign_occurrences SET status = 'completed', completed_at = %(now)s", binds)
    rule("texts=31d")
    clock.advance(timedelta(days=32))

    assert apply_retention(database, clock=clock) == {"texts": 2_100}
    assert only(database, "campaign_occurrences")["texts_emptied_at"] == clock.now()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        pytest.param("texts=0", "does not say how long", id="0"),
        pytest.param("texts=0d", "is too short: at least 31d", id="0 days"),
        pytest.param("texts=30d", "is too short: at least 31d", id="less than a month"),
        pytest.param("texts=999999y", "longer than a hundred years", id="too long"),
        pytest.param("text=400d", "is nothing that is kept", id="a word of its own"),
        pytest.param("texts", "does not say how long", id="no time"),
    ],
)
def test_what_is_no_retention_is_refused_with_a_sentence(option, said):
    with pytest.raises(UsageError, match=said):
        read_retention([option])

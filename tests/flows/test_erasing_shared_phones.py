from datetime import date

import pytest
from support.dumps import dump
from support.salon import add_customer, apply_text, prices, rows, tenant_of

from lumiere_sms.campaigns.asking import request_consent
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.privacy.exports import export_person
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

NUMBER = "+819012345678"
MERGED = """
templates:
  t: {content: "{{ names | default('you') }} 配信停止はご返信を", category: promotional}
campaigns:
  spring: {type: promotional, template: t, segment: all, schedule: now, shared_phones: merge}
"""
ONE = """
campaigns:
  %s: {type: promotional, segment: all, schedule: now, message: "{{ last_name }} {{ first_name }} 配信停止はご返信を"}
"""


@pytest.fixture
def family(database, user_id):
    """A mother, who visited last and gets the texts, and her daughter."""
    mother = {"external_id": "MOTHER", "last_name": "桜庭", "first_name": "詩織", "last_visit_date": date(2026, 3, 1)}
    add_customer(database, user_id, NUMBER, **mother)
    add_customer(database, user_id, NUMBER, external_id="DAUGHTER", last_name="桜庭", first_name="杏奈")


@pytest.fixture
def erase(database, clock):
    def call(key):
        return erase_person(database, tenant_of(database), key, now=clock.now())

    return call


@pytest.mark.usefixtures("family")
def test_a_cap_still_counts_what_came_to_a_phone_after_one_of_those_who_share_it_was_erased(
    database, clock, tmp_path, life, erase
):
    cap = {"frequency_caps": {"promotional": {"most": 1, "within": "7d", "then": "exclude"}}}
    change_rules(database, "default", cap, by="operator", now=clock.now())
    apply_text(database, tmp_path, ONE % "spring", clock=clock)
    first = life()

    erase("MOTHER")
    apply_text(database, tmp_path, ONE % "summer", clock=clock)

    assert first == ["桜庭 詩織 配信停止はご返信を"]
    assert life() == []


@pytest.mark.usefixtures("family")
def test_a_phone_that_was_texted_by_a_run_stays_texted_by_it(database, clock, tmp_path, life, erase):
    apply_text(database, tmp_path, ONE % "spring", clock=clock)
    life()

    erase("MOTHER")

    (text,) = rows(database, "campaign_recipients")
    (attempt,) = rows(database, "submissions")
    assert (text["phone_number"], text["customer_id"], text["personalized_content"]) == (NUMBER, None, "")
    assert attempt["phone_number"] == NUMBER


@pytest.mark.usefixtures("family")
def test_an_answer_from_a_shared_phone_is_then_of_whoever_still_has_it(database, user_id, clock, tmp_path, life, erase):
    apply_text(database, tmp_path, ONE % "spring", clock=clock)
    life()
    erase("MOTHER")

    with database.transaction() as connection:
        said = Reply("IN1", NUMBER, "+15005550006", "thanks", clock.now())
        apply_replies(connection, user_id, [said], provider="scripted", now=clock.now())

    (daughter,) = rows(database, "customers")
    (answer,) = rows(database, "inbound_messages")
    assert (answer["customer_id"], answer["body"]) == (daughter["id"], "thanks")


@pytest.mark.usefixtures("family")
def test_when_the_last_of_them_is_erased_the_number_is_nowhere(
    database, database_url, user_id, clock, tmp_path, life, erase
):
    apply_text(database, tmp_path, ONE % "spring", clock=clock)
    life()
    with database.transaction() as connection:
        said = Reply("IN1", NUMBER, "+15005550006", "詩織です", clock.now())
        apply_replies(connection, user_id, [said], provider="scripted", now=clock.now())
        binds = {"user_id": user_id, "id": new_id(), "number": NUMBER, "now": clock.now()}
        connection.execute(
            "INSERT INTO enrolments (user_id, id, campaign_id, customer_id, phone_number, enrolled_at, next_at)"
            " SELECT %(user_id)s, %(id)s, sms_campaigns.id, customers.id, %(number)s, %(now)s, %(now)s"
            " FROM sms_campaigns, customers WHERE external_id = 'MOTHER'",
            binds,
        )

    erase("MOTHER")
    (between,) = rows(database, "enrolments")
    erase("DAUGHTER")

    assert (between["phone_number"], between["left_reason"]) == (NUMBER, "erased")
    assert [each for each in ("9012345678", "桜庭", "詩織", "杏奈") if each in dump(database_url)] == []


@pytest.mark.usefixtures("family")
def test_a_text_with_the_names_of_all_loses_its_words_whoever_of_them_is_erased(
    database, database_url, clock, tmp_path, life, erase
):
    apply_text(database, tmp_path, MERGED, clock=clock)
    (sent,) = life()

    erase("DAUGHTER")

    assert "杏奈" in sent
    assert "杏奈" not in dump(database_url)
    assert [row["phone_number"] for row in rows(database, "campaign_recipients")] == [NUMBER]


@pytest.mark.usefixtures("family")
def test_a_text_that_waits_and_names_who_is_erased_is_not_sent(database, clock, tmp_path, life, erase):
    apply_text(database, tmp_path, MERGED, clock=clock)
    life.look()

    erased = erase("DAUGHTER")

    assert erased.cancelled == 1
    assert life.send() == []


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(("erased", "left"), [("DAUGHTER", "cancelled"), ("MOTHER", "pending")])
def test_a_question_that_waits_goes_with_whoever_of_them_is_asked(database, clock, erase, erased, left):
    request_consent(database, tenant_of(database), "DAUGHTER", "promotional", clock=clock, prices=prices)

    erase(erased)

    (question,) = rows(database, "campaign_recipients")
    assert question["status"] == left


@pytest.mark.usefixtures("family")
def test_what_is_exported_of_one_says_nothing_of_the_other(database, clock, tmp_path, life):
    apply_text(database, tmp_path, ONE % "spring", clock=clock)
    life()
    with database.transaction(read_only=True) as connection:
        kept = export_person(connection, tenant_of(database), "DAUGHTER")

    assert "詩織" not in str(kept.rows)
    assert kept.rows.keys() & {"campaign_recipients", "submissions"} == set()

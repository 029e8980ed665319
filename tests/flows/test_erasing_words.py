"""Words that people write: a text to one person, a reason, a note. What they say of a person goes with the person."""

from contextlib import closing
from datetime import timedelta

import pytest
from support.doubts import put_in_doubt
from support.dumps import dump
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of
from support.seeds import seed_campaign

from lumiere_sms.audience.consents import Said, grant, revoke
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppressions import Words, lift_number, suppress, suppress_number
from lumiere_sms.campaigns.asking import request_consent
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.campaigns.lifecycle import pause
from lumiere_sms.campaigns.resolving import Word, resolve
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.audit import check, entries
from lumiere_sms.database.connection import Database
from lumiere_sms.errors import ConfigurationError, RefusedError
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

NUMBER = "+819012345678"
WRITINGS = ("9012345678", "90-1234-5678", "12345678", "2345678", "1234-5678")
NAMES = ("桜庭", "詩織")


@pytest.fixture
def shiori(database, user_id):
    return add_customer(database, user_id, NUMBER, external_id="S7", last_name="桜庭", first_name="詩織")


@pytest.fixture
def erase(database, clock):
    def call(key=NUMBER, **options):
        return erase_person(database, tenant_of(database), key, now=clock.now(), **options)

    return call


@pytest.fixture
def send(database, clock):
    def call(*numbers, message, key=None):
        definition = define_direct(
            key, {"message": message, "send_rate_per_minute": 60_000}, defaults_zone="Asia/Tokyo"
        )
        addressees = [Addressee(each) for each in numbers]
        options = {"clock": clock, "prices": prices}
        return send_directly(database, tenant_of(database), definition=definition, addressees=addressees, **options)

    return call


def left(database_url):
    found = dump(database_url)
    return [line for line in found.splitlines() if any(each in line for each in (*WRITINGS, *NAMES))]


def test_a_text_that_was_written_to_one_person_goes_with_them(database, database_url, shiori, life, clock, erase, send):
    send(NUMBER, message="桜庭詩織様、お忘れ物の傘は店にあります。090-1234-5678 に電話します")
    life()

    erase()

    assert left(database_url) == []


def test_a_text_that_went_to_others_too_stays_what_it_was(database, shiori, life, erase, send):
    send(NUMBER, "+819087654321", message="本日は休みます")
    life()

    erase()

    assert only(database, "sms_campaigns")["message_content"] == "本日は休みます"


def test_a_text_that_was_written_to_two_goes_with_the_last_of_them(database, database_url, shiori, life, erase, send):
    send(NUMBER, "+819087654321", message="桜庭家の皆様へ")
    life()

    erase()
    erase("+819087654321")

    assert left(database_url) == []


def test_what_was_asked_is_kept_as_the_business_wrote_it_and_without_the_name(
    database, database_url, user_id, shiori, life, clock, erase
):
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET allow_promotional = false")
    change_rules(
        database,
        "default",
        {"opt_in_request": "{{ last_name | sama }}、お得な情報をお届けしてよろしければ「はい」と"},
        by="operator",
        now=clock.now(),
    )
    request_consent(database, tenant_of(database), NUMBER, "promotional", clock=clock, prices=prices)
    life()
    clock.advance(timedelta(minutes=5))
    with database.transaction() as connection:
        yes = Reply("IN1", NUMBER, "+15005550006", "はい", clock.now())
        apply_replies(connection, user_id, [yes], provider="scripted", now=clock.now())
    assert only(database, "consents")["wording"].endswith("よろしければ「はい」と")

    erase()

    assert left(database_url) == []


def test_numbers_in_reasons_are_masked_in_the_log(
    database, database_url, user_id, shiori, life, clock, erase, tmp_path
):
    apply_text(
        database,
        tmp_path,
        'campaigns: {spring: {segment: all, schedule: "2026-03-20 13:00", message: hello}}',
        clock=clock,
    )
    said = "090-1234-5678 and +81 90 1234 5678 on 2026-03-15 10:00"
    pause(database, user_id, name="spring", reason=said, by="aki", clock=clock)
    with database.transaction() as connection:
        suppress(
            connection, user_id, NUMBER, reason="complaint", source="operator", note="０９０-1234-5678 called", now=None
        )

    erase()

    assert left(database_url) == []
    with database.transaction() as connection:
        reasons = [each["reason"] for each in entries(connection, user_id) if each["reason"]]
    assert any("on 2026-03-15 10:00" in each for each in reasons)
    assert check(database, user_id).breaks == ()


@pytest.mark.parametrize(
    ("act", "said", "told"),
    [
        pytest.param(grant, Said(words=Words("私、桜庭は同意します")), "the wording names", id="the words of a yes"),
        pytest.param(revoke, Said(words=Words("詩織です、もう結構")), "the wording names", id="the words of a no"),
        pytest.param(grant, Said(), "the reason names", id="the reason of a yes"),
        pytest.param(revoke, Said(("promotional",)), "the reason names", id="the reason of a no"),
        pytest.param(revoke, Said(), "the reason names", id="the reason of a refusal"),
    ],
)
def test_words_that_stay_for_ever_do_not_name_the_person(database, user_id, shiori, clock, act, said, told):
    reason = None if said.words.wording else "桜庭様よりお電話"

    with pytest.raises(RefusedError, match=told), database.transaction() as connection:
        act(connection, tenant_of(database), NUMBER, said, reason=reason, now=clock.now())

    assert rows(database, "consents") == rows(database, "suppressions") == rows(database, "audit_log") == []


@pytest.mark.parametrize(
    ("does", "about"),
    [
        pytest.param(suppress_number, {"reason": "invalid_number", "note": "桜庭様の前の番号"}, id="no refusal"),
        pytest.param(suppress_number, {"reason": "complaint", "note": "詩織様のお怒り"}, id="who refused before"),
        pytest.param(lift_number, {"reason": "桜庭様のご希望"}, id="who had agreed to nothing"),
    ],
)
def test_words_about_a_number_do_not_name_who_has_it(database, user_id, shiori, clock, does, about):
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET allow_promotional = false, allow_reminders = false")
        if about["reason"] != "invalid_number":
            suppress(connection, user_id, NUMBER, reason="opted_out", source="operator", now=clock.now())
    noted = rows(database, "audit_log")

    with pytest.raises(RefusedError, match="the reason names"), database.transaction() as connection:
        does(connection, tenant_of(database), NUMBER, **about, now=clock.now())

    assert rows(database, "audit_log") == noted


def test_what_is_said_of_a_text_in_doubt_does_not_name_who_it_was_for(database, user_id, shiori, clock):
    doubtful = seed_campaign(database, user_id, now=clock.now(), texts=1)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET customer_id = %s", [shiori])
    put_in_doubt(database, doubtful, clock=clock)
    word = Word(is_sent=True, reason="桜庭様に見せていただいた")

    with pytest.raises(RefusedError, match="the reason names"):
        resolve(database, user_id, name="spring", who=doubtful.recipient_ids[0], word=word, clock=clock)

    assert only(database, "campaign_recipients")["status"] == "unknown"


def test_a_list_is_not_taken_in_with_another_secret_than_refusals_were_hashed_with(
    database, database_url, user_id, shiori, clock, erase, tmp_path
):
    with database.transaction() as connection:
        suppress(connection, user_id, NUMBER, reason="opted_out", source="reply", now=clock.now())
    erase()
    path = tmp_path / "list.csv"
    path.write_text("external_id,phone\nNEW,090-1234-5678\n", encoding="utf-8")
    about = {"options": ImportOptions(allow_promotional=True), "now": clock.now(), "progress": lambda *_: None}

    with (
        closing(Database(database_url, secret="another")) as other,
        pytest.raises(ConfigurationError, match="LUMIERE_SMS_SECRET"),
    ):
        import_customers(other, tenant_of(database), path, **about)

    assert rows(database, "customers") == []

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.errors import CheckViolation, DatatypeMismatch
from psycopg.types.json import Jsonb
from support.dumps import dump
from support.salon import add_customer, add_customers, apply_text, only, prices, rows, tenant_of

from lumiere_sms.analytics.report import campaign_report
from lumiere_sms.audience.consent_rows import Act, Consent, append
from lumiere_sms.audience.customers import Wish, set_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.returning import nameless
from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.campaigns.direct import Addressee, define_direct, send_directly
from lumiere_sms.database.audit import check
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import RefusedError, StateError
from lumiere_sms.privacy.erasing import erase_person
from lumiere_sms.privacy.exports import export_person
from lumiere_sms.privacy.finishing import finish_erasures
from lumiere_sms.privacy.places import OURS, PLACES
from lumiere_sms.privacy.subjects import subject_of
from lumiere_sms.providers.base import Receipt, ReceiptStatus, Reply
from lumiere_sms.testing.scripted import Lost
from lumiere_sms.tracking.receipts import apply_receipts
from lumiere_sms.tracking.replies import apply_replies

NUMBER, OTHER = "+819012345678", "+819087654321"
SPELLINGS = ("9012345678", "90-1234-5678", "90 1234 5678", "12345678")
TOLD = ("桜庭", "詩織", "SHIORI-7", "向日葵", "ヘナ", "1988-02-29", "もう結構", "二番の棚")
DEFINITIONS = """
segments:
  new: {criteria: {field: visit_count, operator: lte, value: 1}}
  named: {criteria: {field: phone_number, operator: in, value: ["+819012345678", "+819087654321"]}}
  friends: {members: [SHIORI-7]}
campaigns:
  spring:
    criteria: {field: phone_number, operator: in, value: ["+819012345678", "+819087654321"]}
    schedule: now
    send_rate_per_minute: 60000
    message: "{{ last_name | sama }} {{ first_name }} {{ 好み }}"
  welcome:
    type: drip
    segment: new
    schedule: now
    send_rate_per_minute: 60000
    window: 09:00-20:00
    steps:
      - {name: thanks, message: "{{ last_name | sama }}、ありがとう 配信停止:03-1111-2222"}
      - {name: tips, after: 3d, message: "{{ last_name | sama }}、お手入れ 配信停止:03-1111-2222"}
  tomorrow:
    type: reminder
    segment: all
    schedule: now
    send_rate_per_minute: 60000
    remind: 1 day before, 18:00-19:00
    message: "{{ last_name | sama }} {{ next_appointment_at | jdate }}"
"""


FOR_ALL = """
campaigns:
  spring: {segment: all, schedule: now, send_rate_per_minute: 60000, message: hello}
"""


def shiori(database, user_id, phone=NUMBER, **columns):
    about = {"external_id": "SHIORI-7", "last_name": "桜庭", "first_name": "詩織", "birthday": date(1988, 2, 29)}
    about |= {
        "attributes": {"好み": "向日葵"},
        "tags": ["ヘナ"],
        "next_appointment_at": datetime(2026, 3, 16, 6, tzinfo=UTC),
    }
    return add_customer(database, user_id, phone, **about, **columns)


@pytest.fixture
def erase(database, clock):
    def call(key=NUMBER, **options):
        return erase_person(database, tenant_of(database), key, now=clock.now(), **options)

    return call


def exported(database, key):
    with database.transaction(read_only=True) as connection:
        return export_person(connection, tenant_of(database), key)


def live(database, database_url, user_id, clock, tmp_path, life):
    """Have a person in every table, through what the product does."""
    who = shiori(database, user_id)
    apply_text(database, tmp_path, DEFINITIONS, clock=clock)
    with database.transaction() as connection:
        evidence = {"paper": "二番の棚", "said": NUMBER}
        said = Consent(who, "promotional", True, "form", "配信に同意します", evidence=evidence)
        append(connection, user_id, [said], act=Act("operator", "consent.grant", str(who)), now=clock.now())
        raise_alert(connection, user_id, kind="odd", subject="spring", message="090-1234-5678 is odd", now=clock.now())
        link = {"user_id": user_id, "id": new_id(), "phone": NUMBER}
        connection.execute(
            "INSERT INTO opt_out_links (user_id, id, token, phone_number)"
            " VALUES (%(user_id)s, %(id)s, 'abcdefghijkl', %(phone)s)",
            link,
        )
        connection.execute(
            "UPDATE users SET rules = %s", [Jsonb({"frequency_caps": {"drip": {"most": 9, "within": "7d"}}})]
        )
    life()
    life(hours=8)
    answered = [Reply("IN1", NUMBER, "+15005550006", "もう結構です、詩織", clock.now())]
    answered += [Reply("IN2", NUMBER, "+15005550006", "STOP", clock.now() + timedelta(minutes=1))]
    with database.transaction() as connection:
        texts = connection.execute("SELECT provider_message_id AS id FROM submissions ORDER BY id").fetchall()
        receipts = [Receipt(row["id"], ReceiptStatus.DELIVERED) for row in texts]
        apply_receipts(
            connection,
            user_id,
            receipts,
            provider="scripted",
            source="poll",
            now=clock.now(),
            meaning_of=life.provider.meaning_of,
        )
    clock.advance(timedelta(minutes=2))
    with database.transaction() as connection:
        apply_replies(connection, user_id, answered, provider="scripted", now=clock.now())
    return who


def test_an_erased_person_is_nowhere_in_the_database_and_reports_say_the_same(
    database, database_url, user_id, clock, tmp_path, life, erase
):
    live(database, database_url, user_id, clock, tmp_path, life)
    before = dump(database_url)
    money = [
        (row["status"], row["cost"], row["segments_used"], row["sent_at"])
        for row in rows(database, "campaign_recipients")
    ]
    kept = exported(database, NUMBER)
    reports = [campaign_report(database, user_id, name) for name in ("spring", "tomorrow")]

    erased = erase(reason="asked by letter")

    after = dump(database_url)
    filled = {place.table for place in PLACES if not place.is_mention} - {"phone_turns"}
    assert filled - kept.rows.keys() == set(), "every table that may hold a person does"
    assert [each for each in (*SPELLINGS, *TOLD) if each not in before] == ["90 1234 5678"]
    assert [each for each in (*SPELLINGS, *TOLD) if each in after] == []
    assert erased.on_the_wire == 0
    assert [
        (row["status"], row["cost"], row["segments_used"], row["sent_at"])
        for row in rows(database, "campaign_recipients")
    ] == money
    assert [campaign_report(database, user_id, name) for name in ("spring", "tomorrow")] == reports
    assert check(database, user_id).breaks == ()
    assert only(database, "suppressions")["number_mac"] is not None


TEXTS = """
    SELECT table_name AS table, column_name AS column, data_type AS type FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'ARRAY')
    ORDER BY table_name, column_name
"""


def mark(connection, place, column, binds):
    """Write a mark of its own into a column of a person's rows; say whether the column takes it."""
    words = f"mark-{place.table}-{column['column']}-"
    made = {"jsonb": "jsonb_build_object('at', %(words)s || id)", "ARRAY": "ARRAY[%(words)s || id]"}
    made = made.get(column["type"], "%(words)s || id")
    try:
        with connection.transaction():
            connection.execute(
                f"UPDATE {place.table} SET {column['column']} = {made} WHERE user_id = %(user_id)s AND ({place.of})",
                {**binds, "words": words},
            )
    except (CheckViolation, DatatypeMismatch):
        return None  # a number in E.164, ids
    return words


def test_whatever_a_column_of_a_persons_row_holds_is_exported_and_then_gone(
    database, database_url, user_id, clock, tmp_path, life, erase
):
    live(database, database_url, user_id, clock, tmp_path, life)
    marks = []
    with database.transaction() as connection:
        binds = subject_of(connection, user_id, only(database, "customers")["id"], number=NUMBER).binds(user_id)
        for column in connection.execute(TEXTS).fetchall():
            ours = OURS.get(column["table"], frozenset())
            places = [each for each in PLACES if each.table == column["table"] and not each.is_mention]
            mentions = {
                name for each in PLACES if each.table == column["table"] and each.is_mention for name in each.becomes
            }
            own = {name for each in places for name in each.becomes}
            if column["column"] not in {*ours, *(mentions - own), "phone_number"}:
                marks += [found for place in places if (found := mark(connection, place, column, binds))]
    told = str(exported(database, NUMBER).rows)

    erase()

    assert len(marks) >= 15, "names, e-mail and whatever else is kept of them in a list, words, reasons, evidence"
    assert [each for each in marks if each not in told] == []
    assert [each for each in marks if each in dump(database_url)] == []


def test_what_is_exported_is_all_of_it_and_of_nobody_else(database, database_url, user_id, clock, tmp_path, life):
    add_customer(database, user_id, OTHER, last_name="別人")
    live(database, database_url, user_id, clock, tmp_path, life)

    kept = exported(database, "SHIORI-7")

    told = json.dumps(kept.rows, ensure_ascii=False, default=str)
    assert [each for each in TOLD if each not in told] == []
    assert "別人" not in told
    assert OTHER not in told
    assert {row["campaign"] for row in kept.rows["campaign_recipients"]} >= {"spring", "welcome", "tomorrow"}


def test_what_came_to_an_earlier_number_is_exported_and_goes(
    database, database_url, user_id, clock, tmp_path, life, erase
):
    shiori(database, user_id)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)
    life()
    with database.transaction() as connection:
        now = {"now": clock.now()}
        set_customers(
            connection, tenant_of(database), "SHIORI-7", assignments=[f"phone={OTHER}"], wish=Wish.OPT_OUT, **now
        )

    kept = exported(database, "SHIORI-7")
    erase("SHIORI-7")

    assert [row["phone_number"] for row in kept.rows["campaign_recipients"]] == [NUMBER]
    assert {row["action"] for row in kept.rows["audit_log"]} == {"customer.set", "suppression.add"}
    assert [each for each in (NUMBER, OTHER) if each in dump(database_url)] == []


def test_a_dry_run_tells_what_would_go_and_changes_nothing(
    database, database_url, user_id, clock, tmp_path, life, erase
):
    live(database, database_url, user_id, clock, tmp_path, life)
    before = dump(database_url)

    foreseen = erase(dry_run=True)

    assert dump(database_url) == before
    done = erase()
    assert (foreseen.removed, foreseen.emptied) == (done.removed, done.emptied)
    assert foreseen.removed["customers"] == 1


def test_a_text_that_waits_is_cancelled_and_a_sequence_left(database, user_id, clock, tmp_path, life, erase):
    shiori(database, user_id)
    apply_text(database, tmp_path, DEFINITIONS, clock=clock)
    life.look()

    erased = erase()

    assert erased.cancelled == 3
    assert {(row["status"], row["reason"]) for row in rows(database, "campaign_recipients")} == {
        ("cancelled", "erased"),
    }
    assert only(database, "enrolments")["left_reason"] == "erased"
    assert life.day_by_day(4, step=timedelta(hours=4)) == []


def test_a_text_on_the_wire_keeps_its_number_until_it_is_settled(database, user_id, clock, tmp_path, life, erase):
    shiori(database, user_id)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)
    life.provider = type(life.provider)([Lost(accepted=True)])
    life()

    erased = erase()
    clock.advance(timedelta(minutes=2))
    early = finish_erasures(database, clock=clock)
    kept = only(database, "campaign_recipients")
    with database.transaction() as connection:
        connection.execute("UPDATE submissions SET outcome = 'absent'")
        connection.execute("UPDATE campaign_recipients SET status = 'pending', expires_at = 'infinity'")
    clock.advance(timedelta(hours=1))
    finished = finish_erasures(database, clock=clock)

    assert (erased.on_the_wire, early, finished) == (1, 0, 1)
    assert (kept["status"], kept["phone_number"]) == ("unknown", NUMBER)
    text = only(database, "campaign_recipients")
    assert (text["status"], text["reason"], text["phone_number"]) == ("cancelled", "erased", f"erased:{text['id']}")
    assert rows(database, "customers") == []
    assert only(database, "submissions")["phone_number"] == text["phone_number"]


def test_a_text_that_a_launch_froze_meanwhile_is_not_sent(database, user_id, clock, tmp_path, life, erase):
    shiori(database, user_id)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)
    life.look()
    frozen = only(database, "campaign_recipients")
    erase()
    with database.transaction() as connection:
        again = {"id": frozen["id"], "phone": NUMBER, "expires": frozen["expires_at"]}
        connection.execute(
            "UPDATE campaign_recipients SET status = 'pending', phone_number = %(phone)s, expires_at = %(expires)s"
            " WHERE id = %(id)s",
            again,
        )

    left = life.send()

    text = only(database, "campaign_recipients")
    assert (left, text["status"], text["reason"]) == ([], "cancelled", "erased")
    clock.advance(timedelta(minutes=15))
    finish_erasures(database, clock=clock)
    assert only(database, "campaign_recipients")["phone_number"] == f"erased:{text['id']}"


def test_who_it_was_is_forgotten_when_consent_need_not_be_proved_any_more(
    database, user_id, clock, tmp_path, life, erase
):
    shiori(database, user_id)
    apply_text(database, tmp_path, DEFINITIONS, clock=clock)
    life()

    until = erase().keep_until
    clock.advance(timedelta(hours=1))
    finish_erasures(database, clock=clock)
    clock.advance(until - clock.now() - timedelta(seconds=1))
    before = finish_erasures(database, clock=clock), len(rows(database, "erasures"))
    clock.advance(timedelta(seconds=1))
    after = finish_erasures(database, clock=clock), rows(database, "erasures")

    assert until == datetime(2026, 4, 15, 1, 0, tzinfo=UTC), "a month after the last advertising text"
    assert before == (0, 1)
    assert after == (1, [])


def test_whoever_shares_a_number_keeps_theirs(database, user_id, clock, tmp_path, life, erase):
    shiori(database, user_id)
    add_customer(database, user_id, NUMBER, last_name="桜庭", first_name="健", external_id="KEN")
    apply_text(database, tmp_path, DEFINITIONS, clock=clock)
    life()
    with database.transaction() as connection:
        suppress(connection, user_id, NUMBER, reason="opted_out", source="reply", now=clock.now())

    erase("SHIORI-7")

    assert [row["first_name"] for row in rows(database, "customers")] == ["健"]
    assert only(database, "suppressions")["phone_number"] == NUMBER
    with pytest.raises(StateError, match="nothing is kept"):
        erase("SHIORI-7")
    erase(NUMBER)
    assert only(database, "suppressions")["phone_number"] is None


@pytest.mark.parametrize(
    ("key", "options", "error", "said"),
    [
        pytest.param("C-404", {}, StateError, "nothing is kept", id="nobody"),
        pytest.param("080-1111-2222", {}, StateError, "nothing is kept", id="a number that nobody has"),
        pytest.param("090-8765-4321", {}, StateError, "2 customers have", id="several people"),
        pytest.param(NUMBER, {"reason": "詩織 asked"}, RefusedError, "names the person", id="a name in the reason"),
    ],
)
def test_what_cannot_be_erased_is_refused_with_a_sentence(database, user_id, erase, key, options, error, said):
    shiori(database, user_id)
    add_customer(database, user_id, OTHER, external_id="A")
    add_customer(database, user_id, OTHER, external_id="B")

    with pytest.raises(error, match=said):
        erase(key, **options)

    assert len(rows(database, "customers")) == 3


@pytest.fixture
def refused_and_erased(database, user_id, clock, erase):
    shiori(database, user_id)
    with database.transaction() as connection:
        suppress(connection, user_id, NUMBER, reason="opted_out", source="reply", now=clock.now())
    erase()


def comes_back_by_hand(database, user_id, clock, _):
    add_customer(database, user_id, None, external_id="NEW", visit_count=9)
    with database.transaction() as connection:
        set_customers(
            connection, tenant_of(database), "NEW", assignments=[f"phone={NUMBER}"], wish=Wish.NONE, now=clock.now()
        )


def comes_back_by_list(database, _, clock, folder, **by):
    path = folder / "list.csv"
    path.write_text("external_id,phone\nNEW,090-1234-5678\nX,080-2222-3333\n", encoding="utf-8")
    options = ImportOptions(allow_promotional=True)
    about = {"options": options, "now": clock.now(), "progress": lambda *_: None, **by}
    import_customers(database, tenant_of(database), path, **about)


@pytest.mark.parametrize("comes_back", [comes_back_by_hand, comes_back_by_list])
def test_who_refused_and_was_erased_is_not_texted_when_the_number_comes_back(
    database, user_id, clock, tmp_path, life, refused_and_erased, comes_back
):
    comes_back(database, user_id, clock, tmp_path)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)

    left = life()

    assert [each.to for each in life.provider.accepted if each.to == NUMBER] == []
    assert only(database, "suppressions")["phone_number"] == NUMBER
    assert len(left) == (1 if comes_back is comes_back_by_list else 0)
    assert [row["opt_out_date"] is None for row in rows(database, "customers", order="external_id")][:1] == [False]


@pytest.mark.parametrize("earlier", [pytest.param(None, id="no number"), pytest.param(OTHER, id="another number")])
def test_who_refused_before_they_had_the_number_and_was_erased_is_not_texted_when_it_comes_back(
    database, user_id, clock, tmp_path, life, erase, earlier
):
    shiori(database, user_id, earlier)
    with database.transaction() as connection:
        tenant = tenant_of(database)
        set_customers(connection, tenant, "SHIORI-7", assignments=[], wish=Wish.OPT_OUT, now=clock.now())
        set_customers(connection, tenant, "SHIORI-7", assignments=[f"phone={NUMBER}"], wish=Wish.NONE, now=clock.now())
    erase()

    comes_back_by_list(database, user_id, clock, tmp_path)
    apply_text(database, tmp_path, FOR_ALL, clock=clock)
    life()

    assert [each.to for each in life.provider.accepted] == ["+818022223333"]


def test_a_refusal_that_a_list_brings_back_is_noted_as_by_whoever_took_the_list_in(
    database, user_id, clock, tmp_path, refused_and_erased
):
    comes_back_by_list(database, user_id, clock, tmp_path, by="hanako")

    entry = next(row for row in rows(database, "audit_log", order="seq") if row["action"] == "suppression.return")
    assert entry["actor"] == "hanako"


def test_a_direct_text_to_a_number_that_was_erased_after_a_refusal_is_refused(
    database, user_id, clock, refused_and_erased
):
    definition = define_direct(None, {"message": "hello"}, defaults_zone="Asia/Tokyo")

    with pytest.raises(RefusedError, match="opted_out"):
        send_directly(
            database,
            tenant_of(database),
            definition=definition,
            addressees=[Addressee(NUMBER)],
            clock=clock,
            prices=prices,
        )


def test_the_provider_s_own_list_does_not_bring_an_erased_number_back(database, user_id, refused_and_erased):
    with database.transaction() as connection:
        assert nameless(connection, user_id, [NUMBER, OTHER]) == {NUMBER}

    assert only(database, "suppressions")["phone_number"] is None


def test_a_number_that_only_got_direct_texts_is_erased_too(database, database_url, user_id, clock, life, erase):
    definition = define_direct(None, {"message": "hello"}, defaults_zone="Asia/Tokyo")
    send_directly(
        database, tenant_of(database), definition=definition, addressees=[Addressee(NUMBER)], clock=clock, prices=prices
    )
    life()

    erased = erase("090-1234-5678")

    assert erased.emptied["campaign_recipients"] == 1
    assert "9012345678" not in dump(database_url)


def test_a_fixed_line_that_is_not_texted_is_erased_too(database, database_url, user_id, clock, erase):
    with database.transaction() as connection:
        suppress(connection, user_id, "+81312345678", reason="opted_out", source="reply", now=clock.now())

    erase("03-1234-5678")

    assert "312345678" not in dump(database_url)


DAILY = """
campaigns:
  daily:
    segment: all
    schedule: {at: 2026-03-15 10:00, repeat: {type: daily}}
    send_rate_per_minute: 60000
    variants: {long: {weight: 50%, message: "Hello there"}, short: {weight: 50%, message: "Hi"}}
"""


def test_who_had_and_answered_several_texts_of_a_campaign_is_one_person_in_its_report_after_an_erasure_too(
    database, user_id, clock, tmp_path, life, erase
):
    shiori(database, user_id)
    apply_text(database, tmp_path, DAILY, clock=clock)
    for day in range(3):
        life(hours=24 if day else 0)
        clock.advance(timedelta(minutes=5))
        with database.transaction() as connection:
            said = Reply(f"IN{day}", NUMBER, "+15005550006", "どうも", clock.now())
            apply_replies(connection, user_id, [said], provider="scripted", now=clock.now())
    report = campaign_report(database, user_id, "daily")
    assert (report.sent, report.answers.others) == (3, 1)

    erase()

    assert campaign_report(database, user_id, "daily") == report


def test_who_was_in_several_runs_is_one_of_those_compared_with_the_held_out_after_an_erasure_too(
    database, user_id, clock, tmp_path, life, erase
):
    add_customers(database, user_id, 40)
    apply_text(database, tmp_path, f"{DAILY}    holdout: 50%\n", clock=clock)
    for day in range(2):
        life(hours=24 if day else 0)
    uplift = campaign_report(database, user_id, "daily").trial.uplift
    assert uplift is not None

    erase("C10000000")

    assert campaign_report(database, user_id, "daily").trial.uplift == uplift

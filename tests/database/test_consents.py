from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.salon import add_customer, prices, rows, tenant_of

from lumiere_sms.audience.consent_lists import import_consents
from lumiere_sms.audience.consent_rows import COLUMNS, count_differing, faults
from lumiere_sms.audience.consents import Said, confirm, grant, revoke
from lumiere_sms.audience.customers import Wish, set_customers
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.proof import prove
from lumiere_sms.audience.suppressions import Words, lift, suppress, suppress_number
from lumiere_sms.campaigns.asking import refuse_unconfirmed, request_consent
from lumiere_sms.database.audit import check
from lumiere_sms.errors import DefinitionError, RefusedError, StateError, UsageError

PHONE = "+819012345678"
WORDS = Words("I want news by SMS", {"paper": "folder 3"})
OLD = Said(("promotional",), at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def person(database, user_id):
    return str(add_customer(database, user_id, PHONE, external_id="C1", allow_promotional=False))


@pytest.fixture
def act(database, clock):
    """Does one act in a transaction of its own, an hour after the one before."""
    hours = [0]

    def act(does, *given, **options):
        hours[0] += 1
        now = clock.now() + timedelta(hours=hours[0])
        with database.transaction() as connection:
            return does(connection, tenant_of(database), *given, **options, now=now)

    return act


@pytest.fixture
def take(database, clock, tmp_path):
    def take(text, *, now=None, **options):
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        about = {"options": ImportOptions(**options), "now": now or clock.now(), "progress": lambda *_: None}
        return import_customers(database, tenant_of(database), path, **about)

    return take


def said(database):
    return [
        (row["purpose"], row["is_granted"], row["source"], row["wording"])
        for row in rows(database, "consents", order="recorded_at, at, purpose")
    ]


def is_whole(database, user_id):
    """The newest consents are what holds, and all of them are as they were written, the audit log too."""
    with database.transaction() as connection:
        return (
            not count_differing(connection, user_id)
            and not list(faults(connection, user_id))
            and (not check(database, user_id).breaks)
        )


def test_a_grant_is_written_down_with_its_words_and_proof_and_holds(database, user_id, person, act, clock):
    day = datetime(2026, 1, 15, 3, tzinfo=UTC)

    noted = act(grant, "C1", Said(("promotional",), "form", WORDS, day), by="sato")

    (row,), (evidence,) = rows(database, "consents"), rows(database, "consent_evidence")
    (entry,) = rows(database, "audit_log")
    assert (noted.customers[0]["allow_promotional"], noted.holds) == (True, ("promotional",))
    assert (row["wording"], row["at"], row["audit_id"]) == (WORDS.wording, day, entry["id"])
    assert (evidence["evidence"], bytes(row["evidence_mac"]) != b"") == ({"paper": "folder 3"}, True)
    assert (entry["actor"], entry["action"], entry["after"]["consents"]) == ("sato", "consent.grant", 1)
    assert is_whole(database, user_id)


def test_a_paper_that_is_found_later_keeps_its_own_day(database, user_id, person, act):
    act(grant, "C1", Said(("promotional",)))

    noted = act(grant, "C1", replace(OLD, source="form", words=WORDS))

    (day,) = [row["at"] for row in rows(database, "consents") if row["source"] == "form"]
    assert (noted.holds, day) == (("promotional",), OLD.at)
    assert is_whole(database, user_id)


def test_a_refusal_is_noted_as_it_was_said(database, person, act):
    act(revoke, "C1", Said(source="form"))

    assert {row["source"] for row in rows(database, "consents")} == {"form"}


def test_a_refusal_that_is_told_again_is_noted_with_its_proof(database, user_id, person, act):
    act(revoke, "C1", Said(source="reply"))

    act(revoke, "C1", Said(words=WORDS), by="sato")

    (entry,) = [row for row in rows(database, "audit_log") if row["action"] == "consent.revoke"]
    assert [row["evidence"] for row in rows(database, "consent_evidence")] == [{"paper": "folder 3"}] * 2
    assert (entry["actor"], entry["after"]["consents"]) == ("sato", 2)
    assert is_whole(database, user_id)


def test_a_purpose_is_taken_back_by_itself(database, user_id, person, act):
    act(grant, "C1", Said())

    act(revoke, "C1", Said(("promotional",)))

    (customer,) = rows(database, "customers")
    assert (customer["allow_promotional"], customer["allow_reminders"], customer["opt_out_date"]) == (False, True, None)
    assert is_whole(database, user_id)


def test_taking_everything_back_suppresses_the_number_of_everybody_who_has_it(database, user_id, person, act):
    add_customer(database, user_id, PHONE, external_id="C2")

    act(revoke, "C1", Said())

    assert all(row["opt_out_date"] for row in rows(database, "customers"))
    assert [row["is_granted"] for row in rows(database, "consents")] == [False] * 4
    assert is_whole(database, user_id)


def test_consent_older_than_a_withdrawal_is_kept_as_proof_and_changes_nothing(database, user_id, person, act):
    act(revoke, "C1", Said(("promotional",)))

    noted = act(grant, "C1", OLD)

    assert noted.outdated == ("promotional",)
    assert not noted.customers[0]["allow_promotional"]
    assert is_whole(database, user_id)


def test_a_refusal_is_lifted_only_by_an_act_that_says_so_and_why(database, user_id, person, act):
    act(revoke, "C1", Said())

    with pytest.raises(RefusedError, match="refused texts"):
        act(grant, "C1", Said(("promotional",)))
    with pytest.raises(UsageError, match="without a reason"):
        act(grant, "C1", Said(("promotional",)), lifts_refusal=True)
    with pytest.raises(RefusedError, match="older than the refusal"):
        act(grant, "C1", OLD, lifts_refusal=True, reason="asked")
    act(grant, "C1", Said(("promotional",)), lifts_refusal=True, reason="asked at the desk")

    (customer,) = rows(database, "customers")
    assert (customer["allow_promotional"], customer["opt_out_date"]) == (True, None)
    assert rows(database, "suppressions") == []
    assert is_whole(database, user_id)


def test_a_consent_is_not_noted_over_the_refusal_of_somebody_who_has_the_number_by_now(database, user_id, person, act):
    add_customer(database, user_id, "+818011112222", external_id="C2")
    act(set_customers, "C2", assignments=[], wish=Wish.OPT_OUT)
    act(set_customers, "C2", assignments=[f"phone={PHONE}"], wish=Wish.NONE)

    with pytest.raises(RefusedError, match="somebody with this number, refused texts"):
        act(grant, person, Said())
    act(grant, person, Said(), lifts_refusal=True, reason="both asked for texts at the desk")

    assert {row["opt_out_date"] for row in rows(database, "customers")} == {None}
    assert is_whole(database, user_id)


def test_every_way_to_refuse_and_to_come_back_keeps_consents_and_customers_equal(database, user_id, person, act):
    act(set_customers, "C1", assignments=["allow_promotional=yes"], wish=Wish.NONE)
    act(set_customers, "C1", assignments=[], wish=Wish.OPT_OUT)
    act(set_customers, "C1", assignments=[], wish=Wish.OPT_IN)
    act(
        lambda connection, tenant, now: suppress(
            connection, tenant.id, PHONE, reason="complaint", source="reply", now=now
        )
    )
    act(lambda connection, tenant, now: lift(connection, tenant.id, PHONE, source="reply", now=now))

    granted = [(purpose, is_granted) for purpose, is_granted, *_ in said(database)]
    both = ["promotional", "reminder"]
    assert granted == [("promotional", True)] + [
        (purpose, is_granted) for is_granted in (False, True, False, True) for purpose in both
    ]
    assert is_whole(database, user_id)


def test_a_refusal_that_is_heard_of_late_holds_all_the_same(database, user_id, person, act, clock):
    act(grant, "C1", Said(("promotional",)))

    with database.transaction() as connection:
        suppress(connection, user_id, PHONE, reason="opted_out", source="reply", now=clock.now() - timedelta(days=2))

    assert is_whole(database, user_id)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(Said(at=datetime(2031, 1, 1, tzinfo=UTC)), "to come", id="a day ahead"),
        pytest.param(Said(words=Words("  ")), "the wording is empty", id="no words"),
        pytest.param(Said(words=Words("ok" * 1_001)), "2,002 characters are too many", id="too many words"),
        pytest.param(Said(words=Words("News\x1b[2J")), "nobody reads", id="words that steer a terminal"),
    ],
)
@pytest.mark.parametrize("does", [grant, revoke])
def test_what_cannot_have_been_said_is_refused(person, act, does, given, told):
    with pytest.raises(UsageError, match=told):
        act(does, "C1", given)


def test_consent_is_one_persons(database, user_id, person, act):
    add_customer(database, user_id, PHONE, external_id="C2")

    with pytest.raises(StateError, match="2 customers"):
        act(grant, PHONE, Said())


def test_a_list_notes_what_it_says_in_one_entry_and_again_nothing(database, user_id, take):
    text = "id,tel,販促可,リマインド可,同意日,同意方法,同意文言\n"
    text += "C1,090-1234-5678,はい,,2026-01-05,申込書,お知らせを受け取る\n"
    text += "C2,090-1111-2222,いいえ,はい,,,\nC3,090-1111-3333,,,,,\n"

    take(text)
    first = said(database)
    take(text)

    assert sorted(first) == [
        ("promotional", True, "form", "お知らせを受け取る"),
        ("reminder", True, "import", None),
    ]
    assert said(database) == first
    assert [row["after"].get("consents") for row in rows(database, "audit_log", order="seq")] == [2, None]
    assert is_whole(database, user_id)


def test_a_list_does_not_undo_what_a_person_took_back_themselves(database, user_id, take, act):
    text = "id,tel,opt_in\nC1,090-1234-5678,yes\n"
    take(text)
    act(revoke, "C1", Said(("promotional",)))

    undated = take(text)
    older = take("id,opt_in,consent_date\nC1,yes,2026-01-01\n")
    assert not rows(database, "customers")[0]["allow_promotional"]
    assert (undated.unchanged, older.unchanged) == (1, 1)
    assert is_whole(database, user_id)

    later = datetime(2026, 3, 20, tzinfo=UTC)
    take("id,opt_in,consent_date\nC1,yes,2026-03-18\n", now=later)

    assert rows(database, "customers")[0]["allow_promotional"]
    assert is_whole(database, user_id)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("id,tel,opt_in,opt_in_date\nC1,090-1234-5678,yes,2026-01-05\n", id="the day that both lists have"),
        pytest.param("id,tel,opt_in\nC1,090-1234-5678,yes\n", id="a yes that was noted after it"),
    ],
)
def test_a_no_in_a_list_holds_whenever_that_person_had_agreed(database, user_id, take, first):
    take(first)

    take("id,opt_in,opt_in_date\nC1,no,2026-01-05\n", now=datetime(2026, 3, 16, tzinfo=UTC))

    assert not rows(database, "customers")[0]["allow_promotional"]
    assert is_whole(database, user_id)


def test_a_list_may_change_what_a_list_said(database, user_id, take):
    for number, answer in enumerate(("yes", "no", "yes")):
        take(f"id,tel,opt_in\nC1,090-1234-5678,{answer}\n", now=datetime(2026, 3, 15 + number, tzinfo=UTC))

    assert [row[1] for row in said(database)] == [True, False, True]
    assert is_whole(database, user_id)


def test_a_list_does_not_undo_what_a_person_took_back_themselves_though_a_list_said_no_since(
    database, user_id, take, act
):
    take("id,tel,opt_in,allow_reminders\nC1,090-1234-5678,yes,yes\n")
    for purpose in COLUMNS:
        act(revoke, "C1", Said((purpose,)))
    take("id,opt_in,allow_reminders,consent_date\nC1,no,no,2026-03-18\n", now=datetime(2026, 3, 20, tzinfo=UTC))

    take("id,opt_in,allow_reminders\nC1,yes,yes\n", now=datetime(2026, 3, 21, tzinfo=UTC))

    (customer,) = rows(database, "customers")
    assert (customer["allow_promotional"], customer["allow_reminders"]) == (False, False)
    assert is_whole(database, user_id)


def test_a_list_that_refuses_takes_everything_back_and_its_yes_lifts_nothing(database, user_id, take):
    take("id,tel,opt_in\nC1,090-1234-5678,yes\nC2,090-1111-2222,no\n")
    take("id,配信停止日,opt_in\nC1,2025-12-31,yes\nC2,2026-02-01,\n", now=datetime(2026, 3, 16, tzinfo=UTC))
    take("id,opt_in\nC1,yes\nC2,yes\n", now=datetime(2026, 3, 17, tzinfo=UTC))

    since = [row["created_at"].date().isoformat() for row in rows(database, "suppressions", order="created_at")]
    assert since == ["2025-12-30", "2026-01-31"]  # the days begin in Tokyo
    assert [row["allow_promotional"] for row in rows(database, "customers", order="external_id")] == [True, False]
    assert is_whole(database, user_id)


@pytest.mark.parametrize("wording", [" ", "ok" * 1_001, "News\x1b[2J"], ids=["empty", "too many", "unreadable"])
def test_the_words_of_a_whole_list_are_those_that_a_person_may_agree_to(database, take, wording):
    with pytest.raises(UsageError, match="the wording"):
        take("id,tel,opt_in\nC1,090-1234-5678,yes\n", wording=wording)

    assert rows(database, "customers") == []


def test_the_words_of_a_whole_list_are_noted_with_those_who_agreed(database, user_id, take):
    take("id,tel,opt_in\nC1,090-1234-5678,\nC2,090-1111-2222,no\n", allow_promotional=True, wording="News by SMS: yes")

    assert sorted(said(database)) == [
        ("promotional", False, "import", None),
        ("promotional", True, "import", "News by SMS: yes"),
    ]
    assert is_whole(database, user_id)


@pytest.mark.parametrize(
    ("alteration", "told"),
    [
        pytest.param("UPDATE consents SET wording = 'x'", "it is not what was written", id="other words"),
        pytest.param("UPDATE consents SET at = at - interval '1 day'", "it is not what was written", id="another day"),
        pytest.param(
            "UPDATE consents SET is_granted = NOT is_granted", "it is not what was written", id="the contrary"
        ),
        pytest.param("UPDATE consents SET customer_id = user_id", "it is not what was written", id="somebody else's"),
        pytest.param("UPDATE consents SET hash = sha256('x')", "it is not what was written", id="another hash"),
        pytest.param("UPDATE consent_evidence SET evidence = '{}'", "its evidence is not", id="other evidence"),
        pytest.param(
            "DELETE FROM consent_evidence; DELETE FROM consents WHERE purpose = 'reminder'",
            "it covers 2 consents, and there are 1",
            id="one taken out",
        ),
        pytest.param("DELETE FROM consent_evidence", "its evidence is gone", id="evidence taken out"),
        pytest.param("DELETE FROM audit_log", "belong to no entry", id="their entry taken out"),
        pytest.param(
            "UPDATE audit_log SET seq = NULL, hash = NULL", "belong to no entry", id="an entry outside the chain"
        ),
    ],
)
def test_an_alteration_is_named(database, user_id, person, act, alteration, told):
    act(grant, "C1", Said(words=WORDS))
    with database.transaction() as connection:
        connection.execute(alteration)

    with database.transaction() as connection:
        found = list(faults(connection, user_id))

    assert told in found[0].problem
    assert {fault.consent_id for fault in found} & {row["id"] for row in rows(database, "consents")} or len(found) == 1


def test_what_was_erased_with_its_key_is_no_alteration(database, user_id, person, act):
    act(grant, "C1", Said(words=WORDS))
    with database.transaction() as connection:
        connection.execute("DELETE FROM consent_evidence")
        connection.execute("DELETE FROM person_keys")

    assert is_whole(database, user_id)


def test_the_query_finds_who_is_texted_otherwise_than_they_said(database, user_id, person, act):
    act(grant, "C1", Said())
    with database.transaction() as connection:
        for column in COLUMNS.values():
            connection.execute(f"UPDATE customers SET {column} = false WHERE user_id = %s", [user_id])

        assert count_differing(connection, user_id) == 2


@pytest.fixture
def ask(database, clock):
    def ask(**options):
        return request_consent(
            database, tenant_of(database), "C1", "promotional", clock=clock, prices=prices, **options
        )

    return ask


def submitted(database, at):
    (recipient,) = rows(database, "campaign_recipients")
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
            " attempt, parts, started_at) VALUES (%s, %s, %s, %s, %s, 'console', 'us', 1, 1, %s)",
            [*(recipient[name] for name in ("user_id", "id", "id", "occurrence_id", "phone_number")), at],
        )
    return recipient


def test_a_yes_to_a_request_is_consent_to_what_was_asked_and_nothing_before_it(database, user_id, person, ask, clock):
    sent, again = ask(), ask()
    recipient = submitted(database, clock.now())
    before = rows(database, "consents")

    with database.transaction() as connection:
        about = {"evidence": {"reply": "r1"}, "at": clock.now() + timedelta(hours=1), "now": None}
        confirmed = [confirm(connection, user_id, PHONE, **about) for _ in range(2)]

    (row,) = rows(database, "consents")
    assert (sent.kept, again, before) == (1, None, [])
    assert [len(each) for each in confirmed] == [1, 0]
    assert (row["source"], row["wording"]) == ("reply", recipient["personalized_content"])
    assert rows(database, "customers")[0]["allow_promotional"]
    assert is_whole(database, user_id)


def test_who_does_not_answer_is_asked_once_more_on_another_day(database, user_id, person, ask, clock):
    asked = [ask(), ask(again=True)]
    clock.advance(timedelta(days=1, minutes=1))

    assert [each is not None for each in (*asked, ask(), ask(again=True), ask(again=True))] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_who_was_asked_with_again_is_not_asked_a_second_time_without(database, person, ask):
    assert ask(again=True)

    assert ask() is None
    assert len(rows(database, "campaign_recipients")) == 1


def test_a_yes_to_nothing_is_nothing(database, user_id, person, clock):
    with database.transaction() as connection:
        assert confirm(connection, user_id, PHONE, evidence={}, now=clock.now()) == []


def test_a_yes_long_after_the_request_or_after_a_refusal_is_nothing(database, user_id, person, ask, act, clock):
    ask()
    submitted(database, clock.now())

    with database.transaction() as connection:
        late = confirm(connection, user_id, PHONE, evidence={}, at=clock.now() + timedelta(days=31), now=clock.now())
    act(revoke, "C1", Said())
    with database.transaction() as connection:
        refused = confirm(connection, user_id, PHONE, evidence={}, at=clock.now() + timedelta(days=2), now=clock.now())

    assert late == refused == []
    assert is_whole(database, user_id)


def test_who_refused_or_agreed_is_not_asked(database, person, ask, act):
    act(grant, "C1", Said())
    with pytest.raises(StateError, match="agreed already"):
        ask()

    act(revoke, "C1", Said())
    with pytest.raises(RefusedError, match="opted_out"):
        ask()


def test_consent_by_hand_is_refused_where_it_is_confirmed_by_text(database):
    tenant = replace(tenant_of(database), rules={"double_opt_in": True})

    with pytest.raises(RefusedError, match="confirmed by text"):
        refuse_unconfirmed(tenant, ["promotional"])
    refuse_unconfirmed(tenant, ["reminder"])


def test_a_yes_to_advertising_is_not_set_by_hand_where_it_is_confirmed_by_text(database, user_id, person, clock):
    tenant = replace(tenant_of(database), rules={"double_opt_in": True})
    with database.transaction() as connection:
        about = {"wish": Wish.NONE, "now": clock.now()}

        with pytest.raises(RefusedError, match="confirmed by text"):
            set_customers(connection, tenant, "C1", assignments=["opt_in=yes"], **about)
        set_customers(connection, tenant, "C1", assignments=["opt_in=no", "allow_reminders=yes"], **about)


def test_the_proof_of_a_number_is_of_everybody_who_has_it(database, user_id, person, act):
    add_customer(database, user_id, PHONE, external_id="C2", allow_promotional=False)
    act(grant, "C1", Said(("promotional",), "form", WORDS))
    act(
        lambda connection, tenant, now: suppress(
            connection, user_id, PHONE, reason="complaint", source="reply", now=now
        )
    )

    with database.transaction() as connection:
        proof = prove(connection, tenant_of(database), "090-1234-5678")

    first, second = proof.people
    assert (first.consents[0]["purpose"], first.consents[0]["is_granted"]) == ("promotional", True)
    assert (first.consents[0]["evidence"], first.consents[0]["entry"]) == ({"paper": "folder 3"}, 1)
    assert all(row["is_whole"] for person in proof.people for row in person.consents)
    assert (len(second.consents), proof.suppression["reason"], proof.suppression["entry"]) == (2, "complaint", 2)


def test_the_proof_by_a_customer_number_is_of_everybody_who_shares_the_phone_and_what_holds_is_not(
    database, user_id, person
):
    add_customer(database, user_id, PHONE, external_id="C2")

    with database.transaction() as connection:
        shown = prove(connection, tenant_of(database), "C2")
        proof = prove(connection, tenant_of(database), "C2", with_sharers=True)

    assert [each.external_id for each in shown.people] == ["C2"]
    assert sorted(each.external_id for each in proof.people) == ["C1", "C2"]


def test_there_is_proof_of_a_fixed_line_that_is_not_texted(database, act):
    act(suppress_number, "03-1234-5678", reason="landline")

    found = act(lambda connection, tenant, *, now: prove(connection, tenant, "03-1234-5678"))

    assert (found.phone_number, found.suppression["reason"]) == ("+81312345678", "landline")


def test_there_is_no_proof_of_nobody(database):
    with pytest.raises(StateError, match="nothing is kept"), database.transaction() as connection:
        prove(connection, tenant_of(database), "090-9999-8888")


LIST = "id,purpose,date,said,source,wording,evidence\n"


@pytest.fixture
def take_consents(database, clock, tmp_path):
    def take(text):
        path = tmp_path / "consents.csv"
        path.write_text(text, encoding="utf-8")
        found = import_consents(database, tenant_of(database), path, now=clock.now())
        return found.granted, found.withdrawn, found.known, found.outdated

    return take


def test_a_list_of_consents_is_one_act_and_again_nothing(database, user_id, person, take_consents):
    text = LIST + "C1,販促,2026-01-02,はい,紙,Yes please,folder 3\nC1,reminder,2026-01-03,no,,,\n"

    first, again = take_consents(text), take_consents(text)

    (customer,) = rows(database, "customers")
    assert (first, again) == ((1, 1, 0, 0), (0, 0, 2, 0))
    assert (customer["allow_promotional"], customer["allow_reminders"]) == (True, False)
    assert [row["action"] for row in rows(database, "audit_log")] == ["consent.import"]
    assert is_whole(database, user_id)


def test_of_a_list_of_consents_the_last_day_counts_and_a_refusal_stays(database, user_id, person, take_consents, act):
    assert take_consents(LIST + "C1,promotional,2026-02-02,no,,,\nC1,promotional,2026-01-02,yes,,,\n") == (1, 1, 0, 0)
    assert not rows(database, "customers")[0]["allow_promotional"]

    with database.transaction() as connection:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        suppress(connection, user_id, PHONE, reason="opted_out", source="reply", now=now)
    assert take_consents(LIST + "C1,promotional,2026-02-20,yes,,,\n") == (0, 0, 0, 1)
    with pytest.raises(DefinitionError, match="a list lifts no refusal"):
        take_consents(LIST + "C1,promotional,2026-03-02,yes,,,\n")
    assert is_whole(database, user_id)


@pytest.mark.parametrize("order", [pytest.param(1, id="yes, no"), pytest.param(-1, id="no, yes")])
def test_of_a_yes_and_a_no_of_one_day_the_no_counts(database, user_id, person, take_consents, order):
    lines = ["C1,promotional,2026-02-02,yes,,,\n", "C1,promotional,2026-02-02,no,,,\n"][::order]

    first, again = take_consents(LIST + "".join(lines)), take_consents(LIST + "".join(lines))

    assert not rows(database, "customers")[0]["allow_promotional"]
    assert (sum(first), again) == (2, (0, 0, 2, 0))
    assert is_whole(database, user_id)


def test_a_yes_in_a_list_does_not_undo_what_a_person_took_back_that_day(database, user_id, person, take_consents, act):
    act(grant, "C1", OLD)
    act(revoke, "C1", Said(("promotional",), at=datetime(2026, 2, 1, 15, tzinfo=UTC)))

    assert take_consents(LIST + "C1,promotional,2026-02-02,yes,,,\n") == (0, 0, 0, 1)

    assert not rows(database, "customers")[0]["allow_promotional"]
    assert is_whole(database, user_id)


def test_an_older_yes_on_paper_is_no_contradiction_and_keeps_its_day(database, user_id, person, take_consents):
    take_consents(LIST + "C1,promotional,2026-02-02,yes,,,\n")

    assert take_consents(LIST + "C1,promotional,2026-01-02,yes,form,Yes please,\n") == (1, 0, 0, 0)
    assert [row["at"].month for row in rows(database, "consents", order="at")] == [1, 2]
    assert is_whole(database, user_id)


def test_a_customer_number_that_is_also_a_phone_number_names_its_customer(database, user_id, take_consents):
    number = PHONE.replace("+81", "0")
    for each in (number, f"{number}-2"):
        add_customer(database, user_id, PHONE, external_id=each, allow_promotional=False)

    assert take_consents(LIST + f"{number},promotional,2026-02-01,yes,,,\n") == (1, 0, 0, 0)

    assert {row["external_id"]: row["allow_promotional"] for row in rows(database, "customers")} == {
        number: True,
        f"{number}-2": False,
    }


def test_a_customer_number_in_wide_letters_is_found_as_the_list_of_customers_stored_it(database, take, take_consents):
    take("id,tel\nＣ１,090-1234-5678\n")

    assert take_consents(LIST + "Ｃ１,promotional,2026-02-01,yes,,,\n") == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param("C1,mood,2026-01-01,,,,", '"mood" is not a purpose', id="unknown purpose"),
        pytest.param("C9,all,2026-01-01,,,,", "nobody has this customer number", id="unknown person"),
        pytest.param(",all,2026-01-01,,,,", "neither a customer number nor", id="no person"),
        pytest.param("C1,all,,,,,", "the day is missing", id="no day"),
        pytest.param("C1,all,2031-01-01,,,,", "is in the future", id="a day ahead"),
        pytest.param("C1,all,2026-01-01,perhaps,,,", "neither yes nor no", id="neither yes nor no"),
        pytest.param("C1,all,2026-01-01,,rumour,,", "is not a way to say so", id="unknown source"),
        pytest.param("C1,all,2026-01-01,,,", "6 cells, but the header has 7", id="a cell too few"),
        pytest.param('C1,all,"2026-01-01,,,,', "never closed", id="an open quote"),
    ],
)
def test_a_bad_row_of_consents_is_told_with_its_line(database, person, take_consents, row, told):
    with pytest.raises(DefinitionError) as raised:
        take_consents(LIST + row + "\n")

    (problem,) = raised.value.problems
    assert (problem.line, told in problem.message) == (2, True)
    assert rows(database, "consents") == []


def test_columns_that_nobody_knows_are_told(take_consents):
    with pytest.raises(DefinitionError, match='unknown column "perpose"; did you mean "purpose"'):
        take_consents("id,perpose,date\nC1,all,2026-01-01\n")

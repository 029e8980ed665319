from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.salon import add_customer, only, prices, rows, tenant_of
from support.seeds import phone, seed_campaign

from lumiere_sms.audience.consent_rows import count_differing, faults
from lumiere_sms.audience.consents import Said, revoke
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppression_lists import import_suppressions
from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns.answering import FAST
from lumiere_sms.campaigns.asking import request_consent
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.errors import StateError
from lumiere_sms.messages.keywords import Meaning
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies, decide

SENDER = "+15005550006"
NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
TANAKA = 12345678  # whose number a list takes


@pytest.fixture
def take(database, user_id, clock):
    def taken(*replies: Reply) -> dict[str, int]:
        with database.transaction() as connection:
            return dict(apply_replies(connection, user_id, replies, provider="twilio", now=clock.now()))

    return taken


@pytest.fixture
def answers(database, clock):
    def set_(**texts: str) -> None:
        change_rules(database, "default", {"answers": texts}, by="operator", now=clock.now())

    return set_


def said(body: str, *, number: int = 0, key: str = "", at: datetime | None = NOW, **more) -> Reply:
    return Reply(key or f"SM{body}{number}{at}", phone(number), SENDER, body, at, **more)


def refusals(database):
    return [(row["phone_number"], row["reason"], row["source"]) for row in rows(database, "suppressions")]


def refuse_again(database, user_id, folder, at, *, source):
    with database.transaction() as connection:
        suppress(connection, user_id, phone(TANAKA), reason="opted_out", source=source, now=at)


def refuse_by_list(database, user_id, folder, at):
    (folder / "list.csv").write_text(f"phone_number,date\n{phone(TANAKA)},{at.isoformat()}\n", encoding="utf-8")
    import_suppressions(database, tenant_of(database), folder / "list.csv", now=NOW)


def refuse_by_customers(database, user_id, folder, at):
    (folder / "list.csv").write_text(f"phone_number,opt_out_date\n{phone(TANAKA)},{at.isoformat()}\n", encoding="utf-8")
    about = {"options": ImportOptions(), "now": NOW, "progress": lambda *_: None}
    import_customers(database, tenant_of(database), folder / "list.csv", **about)


def texts(database):
    found = rows(database, "campaign_recipients")
    return [row["personalized_content"] for row in found if row["step"]]


def test_a_stop_is_kept_once_refuses_and_is_no_response(database, user_id, take, clock):
    customer_id = add_customer(database, user_id, phone(0))

    assert take(said("配信停止お願いします", key="SM1")) == {"stop": 1}
    assert take(said("配信停止お願いします", key="SM1")) == {}

    kept = only(database, "inbound_messages")
    assert (kept["meaning"], kept["customer_id"], kept["received_at"]) == ("stop", customer_id, NOW)
    assert refusals(database) == [(phone(0), "opted_out", "reply")]
    assert rows(database, "responses") == []
    customer = only(database, "customers")
    assert (customer["opt_out_date"], customer["last_sms_response"]) == (NOW, NOW)


def test_a_start_is_no_response_either(database, user_id, take):
    take(said("STOP"), said("START", at=NOW + timedelta(seconds=1)), said("3時でお願いします", number=1))

    assert {row["phone_number"] for row in rows(database, "responses")} == {phone(1)}


def test_messages_that_come_without_a_key_are_told_apart_and_each_counts_once(database, take):
    nameless = [Reply("", phone(number), SENDER, "STOP", NOW) for number in range(2)]

    assert (take(*nameless), take(*nameless)) == ({"stop": 2}, {})


def test_an_answer_belongs_to_the_last_text_before_it_from_that_sender(database, user_id, take):
    seed_campaign(database, user_id, now=NOW, texts=1)
    recipient = only(database, "campaign_recipients")
    with database.transaction() as connection:
        connection.execute(_SUBMITTED, [SENDER, NOW - timedelta(minutes=5)])

    take(said("3時でお願いします", key="after"), said("hm", key="before", at=NOW - timedelta(hours=1)))

    found = {row["provider_message_id"]: row["recipient_id"] for row in rows(database, "inbound_messages")}
    assert found == {"after": recipient["id"], "before": None}
    assert {row["recipient_id"] for row in rows(database, "responses")} == {recipient["id"], None}


def test_an_answer_belongs_to_the_text_that_its_provider_names_though_their_clocks_differ(database, user_id, take):
    seed_campaign(database, user_id, now=NOW, texts=1)
    with database.transaction() as connection:
        connection.execute(_SUBMITTED, [SENDER, NOW + timedelta(seconds=2)])
        connection.execute(
            "UPDATE submissions SET outcome = 'accepted', settled_at = started_at, provider_message_id = 'SM1'"
        )

    take(said("3時でお願いします", answers="SM1"))

    assert only(database, "inbound_messages")["recipient_id"] == only(database, "campaign_recipients")["id"]


@pytest.mark.parametrize("outcome", ["rejected", "unavailable", "not_sent", "absent"])
def test_an_answer_belongs_to_no_text_that_was_not_sent(database, user_id, take, outcome):
    seed_campaign(database, user_id, now=NOW, texts=1)
    with database.transaction() as connection:
        connection.execute(_SUBMITTED, [SENDER, NOW - timedelta(minutes=5)])
        connection.execute("UPDATE submissions SET outcome = %s, settled_at = started_at", [outcome])

    take(said("hm"))

    assert only(database, "inbound_messages")["recipient_id"] is None


@pytest.mark.parametrize("order", [pytest.param(1, id="in order"), pytest.param(-1, id="the later first")])
def test_between_a_stop_and_a_start_the_later_counts_in_whatever_order_they_are_told(database, take, order):
    stop, start = said("stop", at=NOW - timedelta(minutes=2)), said("start", at=NOW - timedelta(minutes=1))
    begin, end = (said(body, number=1, at=each.received_at) for body, each in (("start", stop), ("stop", start)))

    for each in [stop, start, begin, end][::order]:
        take(each)

    assert refusals(database) == [(phone(1), "opted_out", "reply")]


@pytest.mark.parametrize(
    ("reason", "source"),
    [("opted_out", "operator"), ("complaint", "reply"), ("invalid_number", "provider"), ("opted_out", "import")],
)
def test_a_start_lifts_no_refusal_that_the_number_did_not_make_itself(database, user_id, take, clock, reason, source):
    with database.transaction() as connection:
        suppress(connection, user_id, phone(0), reason=reason, source=source, now=NOW - timedelta(days=1))

    assert take(said("START")) == {"review": 1}

    assert refusals(database) == [(phone(0), reason, source)]


@pytest.mark.parametrize("order", [pytest.param(1, id="before the stop"), pytest.param(-1, id="after it")])
def test_a_start_lifts_no_complaint_though_the_number_refused_too(database, user_id, take, order):
    def complain():
        with database.transaction() as connection:
            suppress(
                connection, user_id, phone(0), reason="complaint", source="operator", now=NOW - timedelta(minutes=2)
            )

    def refuse():
        take(said("STOP", at=NOW - timedelta(minutes=1)))

    for act in (complain, refuse)[::order]:
        act()

    assert take(said("START")) == {"review": 1}
    assert [reason for _, reason, _ in refusals(database)] == ["complaint"]


@pytest.mark.parametrize("refused", [NOW - timedelta(days=9), NOW - timedelta(seconds=9)], ids=["before", "since"])
def test_a_start_lifts_no_refusal_that_somebody_with_the_number_made_by_another_way(database, user_id, take, refused):
    add_customer(database, user_id, phone(0), external_id="B")
    take(said("STOP", at=NOW - timedelta(minutes=1)))
    told_us = add_customer(database, user_id, phone(0), external_id="A", opt_out_date=refused)

    assert take(said("START")) == {"review": 1}
    assert {row["id"]: row["opt_out_date"] for row in rows(database, "customers")}[told_us] == refused


def test_a_start_lifts_no_refusal_that_an_operator_was_told_of_after_an_answer(database, user_id, take):
    customer_id = add_customer(database, user_id, phone(0))
    take(said("STOP", at=NOW - timedelta(minutes=2)))
    with database.transaction() as connection:
        told = {"by": "mika", "now": NOW - timedelta(minutes=1)}
        revoke(connection, tenant_of(database), str(customer_id), Said(), **told)

    assert take(said("START")) == {"review": 1}

    assert refusals(database) == [(phone(0), "opted_out", "operator")]
    assert [row["actor"] for row in rows(database, "audit_log") if row["action"] == "suppression.add"] == [
        "reply",
        "mika",
    ]


@pytest.mark.parametrize(
    ("day", "meaning", "left"),
    [
        pytest.param("2026-03-14", "review", ["import"], id="of a later day"),
        pytest.param(NOW - timedelta(days=9), "start", [], id="of the answer itself"),
    ],
)
def test_a_start_lifts_no_refusal_that_a_list_tells_of_after_an_answer(
    database, user_id, take, clock, tmp_path, day, meaning, left
):
    add_customer(database, user_id, phone(0), external_id="C1")
    take(said("STOP", at=NOW - timedelta(days=9)))
    (tmp_path / "list.csv").write_text(f"customer_id,opt_out_date\nC1,{day}\n", encoding="utf-8")
    about = {"options": ImportOptions(), "now": clock.now(), "progress": lambda *_: None}
    import_customers(database, tenant_of(database), tmp_path / "list.csv", **about)

    assert take(said("START")) == {meaning: 1}

    assert [source for _, _, source in refusals(database)] == left


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda *about: refuse_again(*about, source="reply"), id="reply"),
        pytest.param(lambda *about: refuse_again(*about, source="link"), id="link"),
        pytest.param(lambda *about: refuse_again(*about, source="operator"), id="operator"),
        pytest.param(lambda *about: refuse_again(*about, source="provider"), id="provider"),
        pytest.param(refuse_by_list, id="list"),
        pytest.param(refuse_by_customers, id="list of customers"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_start_lifts_no_refusal_that_came_again_after_it(database, user_id, take, tmp_path, again, is_known):
    if is_known:
        add_customer(database, user_id, phone(TANAKA), external_id="C1")
    refuse_again(database, user_id, tmp_path, NOW - timedelta(minutes=20), source="reply")
    again(database, user_id, tmp_path, NOW - timedelta(minutes=10))

    assert take(said("START", number=TANAKA, at=NOW - timedelta(minutes=15))) == {"review": 1}

    assert [number for number, _, _ in refusals(database)] == [phone(TANAKA)]
    assert {row["opt_out_date"] is None for row in rows(database, "customers")} <= {False}
    with database.transaction() as connection:
        assert (count_differing(connection, user_id), list(faults(connection, user_id))) == (0, [])


@pytest.mark.parametrize(
    ("source", "left"),
    [("reply", []), ("link", []), ("provider", []), ("import", ["import"]), ("operator", ["operator"])],
)
def test_a_start_after_a_refusal_that_came_again_lifts_what_the_number_itself_said(
    database, user_id, take, tmp_path, source, left
):
    add_customer(database, user_id, phone(TANAKA), external_id="C1")
    take(said("STOP", number=TANAKA, at=NOW - timedelta(minutes=20)))
    refuse_again(database, user_id, tmp_path, NOW - timedelta(minutes=10), source=source)

    take(said("START", number=TANAKA))

    assert [source for _, _, source in refusals(database)] == left
    assert (only(database, "customers")["opt_out_date"] is None) == (not left)


def test_each_time_that_somebody_refuses_is_written_down_and_none_that_is_older(database, user_id, take, tmp_path):
    customer_id = add_customer(database, user_id, phone(TANAKA))
    for minutes in (20, 10, 15):
        refuse_again(database, user_id, tmp_path, NOW - timedelta(minutes=minutes), source="link")

    told = {row["at"] for row in rows(database, "consents") if row["customer_id"] == customer_id}
    assert told == {NOW - timedelta(minutes=20), NOW - timedelta(minutes=10)}
    assert only(database, "suppressions")["created_at"] == NOW - timedelta(minutes=10)
    acts = [row["action"] for row in rows(database, "audit_log", order="seq")]
    assert acts == ["suppression.add", "suppression.again"]


def test_a_start_after_a_stop_lifts_it_and_leaves_the_consent_as_it_was(database, user_id, take):
    add_customer(database, user_id, phone(0), allow_promotional=False)

    take(said("stop", at=NOW - timedelta(minutes=1)), said("start"))
    take(said("やめて", at=NOW), said("再開", key="again", at=NOW + timedelta(seconds=1)))

    assert refusals(database) == [(phone(0), "opted_out", "reply")]  # nobody is ahead of now
    assert only(database, "customers")["allow_promotional"] is False


def test_a_message_of_tomorrow_counts_as_of_now(database, take, clock):
    take(said("stop", at=NOW + timedelta(days=400)))
    clock.advance(timedelta(minutes=1))
    take(said("start", at=clock.now()))

    assert refusals(database) == []


def test_a_refusal_is_confirmed_once_and_that_text_alone_passes_the_gate(database, user_id, take, answers):
    add_customer(database, user_id, phone(0), last_name="田中")
    answers(stop="{{ last_name }}様、停止しました", help="03-1234-5678")

    take(said("stop", key="1", at=NOW - timedelta(minutes=3)), said("stop", key="2"), said("help", key="3"))

    recipient = only(database, "campaign_recipients")
    assert recipient["personalized_content"] == "田中様、停止しました"
    assert recipient["confirms"] == only(database, "suppressions")["id"]
    assert only(database, "sms_campaigns")["name"] == "answers to stop, 2026-03-15"
    assert only(database, "campaign_occurrences")["send_rate_per_minute"] == FAST
    assert only(database, "sms_campaigns")["cost_estimate"] is None
    assert {row["provider_message_id"] for row in rows(database, "inbound_messages") if row["answer_id"]} == {"1"}


@pytest.mark.parametrize(
    ("minutes", "left"),
    [
        pytest.param(59, [timedelta(minutes=1)], id="within the hour"),
        pytest.param(60, [], id="heard of too late"),
    ],
)
def test_a_refusal_is_confirmed_within_the_hour_after_it_was_said(database, user_id, take, answers, minutes, left):
    add_customer(database, user_id, phone(0))
    answers(stop="stopped")

    assert take(said("stop", at=NOW - timedelta(minutes=minutes))) == {"stop": 1}

    assert [row["expires_at"] - NOW for row in rows(database, "campaign_recipients")] == left


def test_a_campaign_that_has_the_name_of_the_answers_loses_no_refusal(database, user_id, take, answers):
    seed_campaign(database, user_id, now=NOW, texts=0, name="answers to stop, 2026-03-15")
    add_customer(database, user_id, phone(0))
    answers(stop="stopped")

    assert take(said("stop")) == {"stop": 1}
    assert texts(database) == []


@pytest.mark.parametrize("variables", [{"opt_in": "promotional", "opt_in_of": "x"}, {"opt_in": "x", "opt_in_of": ""}])
def test_a_yes_to_a_text_whose_variables_are_named_as_those_of_a_request_is_any_answer(
    database, user_id, take, variables
):
    customer_id = add_customer(database, user_id, phone(0))
    asked = {"opt_in_of": str(customer_id), **{name: value for name, value in variables.items() if value}}
    seed_campaign(database, user_id, now=NOW, texts=1, variables=asked)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET source = 'send'")
        connection.execute(_SUBMITTED, [SENDER, NOW - timedelta(minutes=5)])

    assert take(said("はい")) == {"other": 1}


@pytest.mark.parametrize(
    ("texts_since", "meaning", "agreed"),
    [pytest.param(0, "confirm", True, id="to the request"), pytest.param(1, "review", False, id="to a later text")],
)
def test_a_yes_confirms_what_the_text_that_it_answers_asked_and_no_request_before_that(
    database, user_id, take, clock, texts_since, meaning, agreed
):
    add_customer(database, user_id, phone(0), external_id="C1", allow_promotional=False)
    request_consent(database, tenant_of(database), "C1", "promotional", clock=clock, prices=prices)
    with database.transaction() as connection:
        connection.execute(_SUBMITTED, [SENDER, NOW - timedelta(days=9)])
    seed_campaign(database, user_id, now=NOW, texts=texts_since)
    with database.transaction() as connection:
        of_spring = _SUBMITTED + "WHERE personalized_content = 'text 0 of spring'"
        connection.execute(of_spring, [SENDER, NOW - timedelta(days=1)])

    assert take(said("はい")) == {meaning: 1}

    assert only(database, "customers")["allow_promotional"] is agreed


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(("C1", "promotional"), ("C1", "reminder"), id="of other texts"),
        pytest.param(("C1", "promotional"), ("C2", "promotional"), id="of somebody who shares the phone"),
    ],
)
def test_one_yes_answers_the_last_of_several_requests_and_no_other(database, user_id, take, clock, first, second):
    for key in ("C1", "C2"):
        add_customer(database, user_id, phone(0), external_id=key, allow_promotional=False)
    for days, (key, purpose) in ((2, first), (1, second)):
        request_consent(database, tenant_of(database), key, purpose, clock=clock, prices=prices)
        with database.transaction() as connection:
            connection.execute(
                _SUBMITTED + "WHERE id NOT IN (SELECT recipient_id FROM submissions)",
                [SENDER, NOW - timedelta(days=days)],
            )

    assert take(said("はい")) == {"confirm": 1}
    assert take(said("はい", key="again")) == {"review": 1}

    names = {row["id"]: row["external_id"] for row in rows(database, "customers")}
    assert [(names[row["customer_id"]], row["purpose"]) for row in rows(database, "consents")] == [second]


def test_an_answer_has_the_link_of_the_number_that_it_goes_to(database, user_id, take, answers, clock):
    add_customer(database, user_id, phone(0))
    change_rules(database, "default", {"opt_out_url": "https://salon.jp/o/"}, by="operator", now=clock.now())
    answers(help="no more: {{ opt_out_url }}")

    take(said("help"))

    link = only(database, "opt_out_links")
    assert link["phone_number"] == phone(0)
    assert texts(database) == [f"no more: https://salon.jp/o/{link['token']}"]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(said("help", number=5), id="a stranger"),
        pytest.param(said("help", is_answered=True), id="the provider has answered"),
        pytest.param(said("help", at=NOW - timedelta(days=2)), id="of the day before yesterday"),
        pytest.param(Reply("1", "12345", SENDER, "help", NOW), id="a short code"),
        pytest.param(Reply("1", "LUMIERE", SENDER, "help", NOW), id="a name"),
    ],
)
def test_who_gets_no_answer_by_itself(database, user_id, take, answers, reply):
    add_customer(database, user_id, phone(0))
    answers(help="03-1234-5678")

    assert take(reply) == {"help": 1}

    assert texts(database) == []


def test_two_machines_that_answer_each_other_fall_silent(database, user_id, take, answers, clock):
    add_customer(database, user_id, phone(0))
    answers(stop="stopped", start="started", help="help", other="nobody reads this")

    for number in range(10):
        clock.advance(timedelta(minutes=1))
        take(*(said(body, key=f"{body}{number}", at=clock.now()) for body in ("hello", "help", "stop", "start")))

    assert len(texts(database)) <= 3


def test_an_operator_decides_what_a_message_means_and_that_is_on_record(database, user_id, take, clock):
    take(said("もう送らないでほしいのですが、キャンセルはできますか"))
    message = only(database, "inbound_messages")
    assert message["meaning"] == "review"
    assert len(rows(database, "responses")) == 1

    with database.transaction() as connection:
        decide(connection, user_id, message["id"], meaning=Meaning.STOP, by="mika", now=clock.now())

    assert refusals(database) == [(phone(0), "opted_out", "reply")]
    assert rows(database, "responses") == []
    assert only(database, "inbound_messages")["decided_by"] == "mika"
    entries = {row["action"]: row for row in rows(database, "audit_log")}
    assert {entries[action]["actor"] for action in ("reply.decide", "suppression.add")} == {"mika"}
    told = entries["reply.decide"]
    assert (told["before"], told["after"]) == ({"meaning": "review"}, {"meaning": "stop"})
    with pytest.raises(StateError, match="it refused"), database.transaction() as connection:
        decide(connection, user_id, message["id"], meaning=Meaning.OTHER, by="mika", now=clock.now())
    with pytest.raises(StateError, match="no such message"), database.transaction() as connection:
        decide(connection, user_id, UUID(int=1), meaning=Meaning.OTHER, by="mika", now=clock.now())


@pytest.mark.parametrize(
    ("decided", "told"),
    [
        pytest.param(Meaning.OTHER, ["Please call"], id="the same"),
        pytest.param(Meaning.HELP, ["Please call"], id="another thing"),
        pytest.param(Meaning.STOP, ["Please call", "Stopped"], id="a refusal, which is confirmed all the same"),
    ],
)
def test_a_message_that_was_answered_is_not_answered_again_when_it_is_decided(
    database, user_id, take, answers, clock, decided, told
):
    answers(other="Please call", help="Salon Lumiere", stop="Stopped")
    add_customer(database, user_id, phone(0))
    take(said("3時でお願いします"))
    message = only(database, "inbound_messages")

    with database.transaction() as connection:
        decide(connection, user_id, message["id"], meaning=decided, by="mika", now=clock.now())

    assert sorted(texts(database)) == told
    assert only(database, "inbound_messages")["meaning"] == decided


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("\0\0stop\0", id="NUL"),
        pytest.param("\ud83d stop", id="half a character"),
        pytest.param("停止" * 800, id="1,600 characters"),
        pytest.param("\x1b[2J\x07\u202e\u2066", id="what steers a terminal"),
        pytest.param(bytes(range(256)).decode("latin-1"), id="every byte"),
    ],
)
def test_whatever_a_message_holds_is_kept(database, take, body):
    assert sum(take(said(body, key="1")).values()) == 1

    assert len(only(database, "inbound_messages")["body"]) >= min(len(body), 1_600)


def test_an_id_that_no_index_would_hold_keeps_no_message_out(database, take):
    endless = "".join(chr(Random(number).randrange(0x4E00, 0x9FFF)) for number in range(9_000))

    assert take(said("stop", key=endless)) == {"stop": 1}
    assert take(said("stop", key=endless)) == {}

    assert refusals(database) == [(phone(0), "opted_out", "reply")]


ANYTHING = st.text(st.characters(), max_size=40)  # lone surrogates included
PHONES = st.sampled_from([phone(0), phone(1), "12345", "", "LUMIERE", "+0123"])
BODIES = st.one_of(ANYTHING, st.sampled_from(["stop", "start", "help", "yes", "停止", "再開", "hello", "stop, liar"]))
INSTANTS = st.integers(-(10**6), 10**6).map(lambda minutes: NOW + timedelta(minutes=minutes))
REPLIES = st.builds(
    Reply,
    provider_message_id=st.one_of(st.sampled_from(["a", "b", "c", "d"]), ANYTHING),
    phone=st.one_of(PHONES, ANYTHING),
    sender=st.one_of(st.just(SENDER), ANYTHING),
    body=BODIES,
    received_at=st.one_of(st.none(), INSTANTS),
    answers=ANYTHING,
    is_answered=st.booleans(),
)


@given(batch=st.lists(REPLIES, max_size=6), again=st.randoms(use_true_random=False))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_messages_are_kept_once_each_and_a_number_never_gets_two_confirmations(database, user_id, batch, again):
    add = again.sample(batch, len(batch))
    before = {row["provider_message_id"] for row in rows(database, "inbound_messages")}
    if not tenant_of(database).rules:
        change_rules(database, "default", {"answers": {"stop": "stopped", "help": "help"}}, by="test", now=NOW)
        add_customer(database, user_id, phone(0))

    for each in (batch, add):
        with database.transaction() as connection:
            apply_replies(connection, user_id, each, provider="twilio", now=NOW)

    kept = {row["provider_message_id"] for row in rows(database, "inbound_messages")} - before
    assert len(kept) <= len(batch)
    found = [row["confirms"] for row in rows(database, "campaign_recipients") if row["confirms"]]
    assert len(found) == len(set(found))
    assert {row["phone_number"] for row in rows(database, "campaign_recipients")} <= {phone(0), phone(1)}


_SUBMITTED = """
    INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender, attempt, parts,
        started_at)
    SELECT user_id, gen_random_uuid(), id, occurrence_id, phone_number, 'twilio', %s, 1, 1, %s FROM campaign_recipients
"""

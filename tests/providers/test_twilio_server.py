import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from support.sandbox import ACCOUNT, MESSAGES, SERVICE, TEXT, ask, listed, post

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal
from lumiere_sms.testing.twilio_rules import error_document
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer

MORNING = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(MORNING)


@pytest.fixture
def timed(clock) -> Iterator[TwilioServer]:
    with TwilioServer(Faults(deliver_after=timedelta(seconds=4)), clock=clock) as server:
        yield server


def test_a_text_is_answered_with_the_message_resource_and_logged(timed):
    status, message = post(timed)

    assert status == 201
    assert message["sid"].startswith("SM")
    assert len(message["sid"]) == 34
    assert message["date_created"] == "Sun, 15 Mar 2026 01:00:00 +0000"
    assert (message["status"], message["num_segments"], message["price"], message["date_sent"]) == (
        "queued",
        "1",
        None,
        None,
    )
    assert (message["direction"], message["from"], message["to"]) == ("outbound-api", SANDBOX_SENDER, "+819012345678")
    (accepted,) = timed.accepted
    assert (accepted.phone, accepted.body, accepted.sid) == ("+819012345678", "hello", message["sid"])
    assert accepted.at == MORNING.isoformat()


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, "queued"), (1, "sending"), (2, "sent"), (3.9, "sent"), (4, "delivered"), (999, "delivered")],
)
def test_a_text_lives_by_the_clock(timed, clock, seconds, status):
    sid = post(timed)[1]["sid"]
    clock.advance(timedelta(seconds=seconds))

    message = ask(timed, f"{ACCOUNT}/Messages/{sid}.json")[1]

    assert message["status"] == status
    assert (message["price"] is not None) == (seconds >= 2)
    assert (message["date_sent"] is not None) == (seconds >= 2)


def test_a_messaging_service_chooses_its_sender_later(timed, clock):
    first = post(timed, From=None, MessagingServiceSid=SERVICE)[1]
    clock.advance(timedelta(seconds=1))
    later = ask(timed, f"{ACCOUNT}/Messages/{first['sid']}.json")[1]

    assert (first["status"], first["num_segments"], first["from"]) == ("accepted", "0", None)
    assert (later["status"], later["num_segments"], later["from"]) == ("sending", "1", SANDBOX_SENDER)
    assert later["messaging_service_sid"] == SERVICE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"To": None}, 21604, id="no recipient"),
        pytest.param({"To": "0901234"}, 21211, id="a national number"),
        pytest.param({"To": "+15005550004"}, 21610, id="a test number"),
        pytest.param({"From": None}, 21603, id="no sender"),
        pytest.param({"From": "+15005550001"}, 21212, id="a test sender"),
        pytest.param({"From": "far too long a name"}, 21212, id="a name too long"),
        pytest.param({"MessagingServiceSid": "MG1"}, 21705, id="no such service"),
        pytest.param({"Body": None}, 21602, id="no body"),
        pytest.param({"Body": "x" * 1601}, 21617, id="a body too long"),
        pytest.param({"ValidityPeriod": "36001"}, 21624, id="valid for too long"),
        pytest.param({"ValidityPeriod": "soon"}, 21624, id="valid for nonsense"),
    ],
)
def test_what_twilio_refuses_is_refused_in_its_words(timed, changes, code):
    status, error = post(timed, **changes)

    assert (status, error["code"], error["status"]) == (400, code, 400)
    assert error["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert error["message"]
    assert timed.accepted == ()


def test_who_texted_stop_gets_no_more_from_that_sender_until_they_text_start(timed):
    answers = []
    for word in (" stop", "bus stop", "Start", "help"):
        timed.reply(TEXT["To"], word)
        answers.append([post(timed, From=sender)[0] for sender in (SANDBOX_SENDER, "+15005550005")])
        answers[-1].append(post(timed, To="+819012345679")[0])

    assert answers == [[400, 201, 201], [400, 201, 201], [201, 201, 201], [201, 201, 201]]


def test_who_texted_stop_to_a_messaging_service_gets_no_more_from_any_number_of_it(timed):
    timed.reply(TEXT["To"], "STOP", service=SERVICE)

    assert post(timed, From=None, MessagingServiceSid=SERVICE)[1]["code"] == 21610


@pytest.mark.parametrize("said", [b"from=me", b'["STOP"]', b'{"from": "+819012345678"}', b"\xff"])
def test_an_answer_that_cannot_be_read_is_refused_with_what_to_send(timed, said):
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{timed.url}/_replies", data=said))

    assert (refused.value.code, b'"body"' in refused.value.read()) == (400, True)


@pytest.mark.parametrize("sender", ["+81312345678", "12345", "LUMIERE", "Salon 1"])
def test_numbers_short_codes_and_names_may_send(timed, sender):
    assert post(timed, From=sender)[0] == 201


def test_nobody_is_let_in_without_the_token(timed):
    status, error = ask(timed, MESSAGES, TEXT, token="wrong")

    assert (status, error["code"], error["message"]) == (401, 20003, "Authenticate")
    assert timed.accepted == ()


@pytest.mark.parametrize(
    "path",
    [
        f"/2010-04-01/Accounts/AC{'0' * 32}.json",
        f"{ACCOUNT}/Messages/SM{'0' * 32}.json",
        f"{ACCOUNT}/Calls.json",
        "/",
    ],
)
def test_what_is_not_there_is_not_found_in_twilio_s_words(timed, path):
    status, error = ask(timed, path)

    assert (status, error["code"]) == (404, 20404)
    assert path in error["message"]


def test_the_account_is_there(timed):
    assert ask(timed, f"{ACCOUNT}.json")[1]["status"] == "active"


def test_the_list_is_paged_newest_first_and_stays_steady_while_texts_come_in(timed):
    for number in range(5):
        post(timed, Body=str(number))
    first = listed(timed, PageSize=2, To="+819012345678")
    post(timed, Body="late")
    second = ask(timed, first["next_page_uri"])[1]
    third = ask(timed, second["next_page_uri"])[1]

    bodies = [[message["body"] for message in page["messages"]] for page in (first, second, third)]
    assert bodies == [["4", "3"], ["2", "1"], ["0"]]
    assert third["next_page_uri"] is None
    assert (second["page"], second["start"], second["end"], second["page_size"]) == (1, 2, 3, 2)


def test_the_list_is_filtered_by_number_sender_and_day(timed, clock):
    post(timed, Body="yesterday")
    clock.advance(timedelta(days=1))
    post(timed, Body="today")
    post(timed, Body="another", To="+819000000000")
    post(timed, Body="by name", From="LUMIERE")
    clock.advance(timedelta(seconds=5))

    def bodies(**query):
        return [message["body"] for message in listed(timed, **query)["messages"]]

    assert bodies(To="+819000000000") == ["another"]
    assert bodies(From="LUMIERE") == ["by name"]
    assert bodies(DateSent="2026-03-15") == ["yesterday"]
    assert bodies(**{"DateSent>": "2026-03-16"}) == ["by name", "another", "today"]
    assert bodies(**{"DateSent<": "2026-03-15T23:59:59Z"}) == ["yesterday"]
    assert bodies(
        **{"DateSent>": "2026-03-15", "DateSent<": "2026-03-16", "To": "+819012345678", "From": SANDBOX_SENDER}
    ) == [
        "today",
        "yesterday",
    ]
    assert len(bodies(PageSize="0")) == 1
    assert len(bodies(PageSize="many")) == 4


def test_a_day_that_is_none_is_refused(timed):
    assert ask(timed, f"{MESSAGES}?DateSent=soon")[0] == 400


def test_a_text_that_waits_has_no_day_yet(timed):
    post(timed)

    assert listed(timed, DateSent="2026-03-15")["messages"] == []
    assert len(listed(timed)["messages"]) == 1


def test_the_list_may_lag_behind_what_was_accepted(timed, clock):
    timed.behave(Faults(list_lag=timedelta(seconds=30)))
    post(timed)
    early = listed(timed)["messages"]
    clock.advance(timedelta(seconds=30))

    assert early == []
    assert len(listed(timed)["messages"]) == 1
    assert len(timed.accepted) == 1


def test_a_share_of_the_texts_may_be_listed_late(timed):
    timed.behave(Faults(list_lag=timedelta(seconds=30), late_lists=0.5))
    for number in range(40):
        post(timed, Body=f"text {number}")

    listed_early = len(listed(timed)["messages"])

    assert 0 < listed_early < 40
    assert len(listed(timed)["messages"]) == listed_early  # the same ones


def test_the_list_may_fail_and_is_counted(timed):
    timed.behave(Faults(list_errors=0.5))

    answers = [ask(timed, MESSAGES)[0] for _ in range(40)]

    assert set(answers) == {200, 500}
    assert timed.list_count == 40


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        pytest.param(Fault.THROTTLE, 429, 0, id="throttled"),
        pytest.param(Fault.ERROR_BEFORE, 500, 0, id="500 before accepting"),
        pytest.param(Fault.ERROR_AFTER, 500, 1, id="500 after accepting"),
        pytest.param(Refusal(30007, 403), 403, 0, id="a code of the test's choice"),
    ],
)
def test_a_fault_happens_once_in_its_place_of_the_script(timed, fault, status, accepted):
    timed.behave(Faults(script=(fault, None)))

    first, second = post(timed)[0], post(timed)[0]

    assert (first, second) == (status, 201)
    assert len(timed.accepted) == accepted + 1
    assert timed.request_count == 2


def test_an_answer_may_take_its_time(timed):
    timed.behave(Faults(latency=timedelta(milliseconds=1)))

    assert post(timed)[0] == 201


def test_the_same_seed_fails_alike_whatever_the_order():
    faults = Faults(shares={Fault.CUT_AFTER: 0.3, Fault.THROTTLE: 0.2}, fail_delivery=0.3, seed=7)
    phones = [f"+8190{number:08d}" for number in range(500)]
    steps = {phone: (faults.draw(phone, 0), faults.failure_code(phone, 0)) for phone in phones}
    again = {phone: (faults.draw(phone, 0), faults.failure_code(phone, 0)) for phone in reversed(phones)}
    drawn = [step for step, _ in steps.values()]

    assert steps == again
    assert 110 <= drawn.count(Fault.CUT_AFTER) <= 190
    assert 60 <= drawn.count(Fault.THROTTLE) <= 140
    assert 200 <= drawn.count(None) <= 300
    assert 110 <= sum(code is not None for _, code in steps.values()) <= 190
    assert Faults(shares=faults.shares, seed=8).draw(phones[0], 0) or any(
        Faults(shares=faults.shares, seed=8).draw(phone, 0) != step for phone, (step, _) in steps.items()
    )


@pytest.mark.parametrize(
    "shares", [{Fault.THROTTLE: 1.1}, {Fault.THROTTLE: -0.1}, {Fault.THROTTLE: 0.6, Fault.CUT_AFTER: 0.6}]
)
def test_shares_that_make_more_than_everything_are_refused(shares):
    with pytest.raises(ValueError, match="at most 1"):
        Faults(shares=shares)


def test_the_log_is_served_and_forgotten_on_request(timed):
    post(timed)
    status, log = ask(timed, "/_log")
    cleared = ask(timed, "/_log", method="DELETE")[0]

    assert (status, log[0]["body"], cleared) == (200, "hello", 204)
    assert timed.accepted == ()


def test_the_log_file_has_each_text_before_its_answer_and_outlives_the_server(tmp_path):
    file = tmp_path / "texts.jsonl"
    with TwilioServer(Faults(script=(None, Fault.ERROR_AFTER)), log=file) as server:
        post(server, Body="田中様")
        lines = file.read_text("utf-8").splitlines()
        post(server, Body="two")
    with TwilioServer(log=file) as server:
        post(server, Body="three")

    assert json.loads(lines[0])["body"] == "田中様"
    assert [json.loads(line)["body"] for line in file.read_text("utf-8").splitlines()] == ["田中様", "two", "three"]


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        TwilioServer(log=tmp_path / "no" / "folder")


def test_a_port_that_is_taken_is_refused_with_its_number(timed):
    port = int(timed.url.rpartition(":")[2])

    with pytest.raises(ConfigurationError, match=str(port)):
        TwilioServer(port=port).start()


def test_it_listens_on_ipv6_too():
    with TwilioServer(host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert post(server)[0] == 201


def test_stopping_twice_or_before_starting_does_no_harm():
    server = TwilioServer()
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_a_hundred_at_once_are_all_logged_once(timed):
    threads = [threading.Thread(target=post, args=(timed,), kwargs={"Body": str(number)}) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(text.body) for text in timed.accepted) == list(range(100))


def test_a_refusal_without_words_of_its_own_still_reads_like_twilio():
    assert error_document(Refusal(12345))["message"] == "Refused"


def test_a_text_that_twilio_would_refuse_is_not_accepted_by_a_fault(timed):
    timed.behave(Faults(shares={Fault.ERROR_AFTER: 1}))

    status, error = post(timed, Body=None)

    assert (status, error["code"]) == (400, 21602)
    assert timed.accepted == ()

import asyncio
import socket
from datetime import UTC, datetime

import pytest
from support.wire import canned, created, form_of, http, new_message, new_provider, submitted

from lumiere_sms.errors import ConfigurationError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action
from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.providers.twilio_http import READERS
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal
from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, SANDBOX_SENDER

SERVICE = "MG" + "0" * 32
MORNING = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sid", "token", "said"),
    [
        pytest.param("", "", "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set", id="neither"),
        pytest.param(SANDBOX_ACCOUNT_SID, "", "TWILIO_AUTH_TOKEN is not set", id="no token"),
        pytest.param("", "s3cr3t", "TWILIO_ACCOUNT_SID is not set", id="no account"),
        pytest.param("SK" + "1" * 32, "s3cr3t", "not an account's id", id="an API key's id"),
        pytest.param("AC123", "s3cr3t", "not an account's id", id="too short"),
        pytest.param(SANDBOX_ACCOUNT_SID, "a b", "holds characters", id="a token with a blank"),
        pytest.param(SANDBOX_ACCOUNT_SID, "ａｂｃ", "holds characters", id="a full-width token"),
        pytest.param(SANDBOX_ACCOUNT_SID, "abc\n", "holds characters", id="a token with a line end"),
    ],
)
def test_credentials_that_cannot_be_right_are_refused_before_anything_is_sent(sid, token, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        TwilioProvider(account_sid=sid, auth_token=token)

    assert caught.value.exit_code == 4
    assert caught.value.hint
    assert not token or token not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("url", ["127.0.0.1:4010", "ftp://x", "http://", "http://x:99999", "http://x:0", "http://["])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigurationError, match="must be an address"):
        new_provider(url)


def test_what_goes_over_the_wire_is_what_twilio_asks_for():
    with canned(created()) as server:
        submitted(new_provider(server.url), new_message("田中様 & 10%\n+1", minutes=10))

    assert server.requests[0].startswith(f"POST /2010-04-01/Accounts/{SANDBOX_ACCOUNT_SID}/Messages.json HTTP".encode())
    assert b"Content-Type: application/x-www-form-urlencoded" in server.requests[0]
    assert form_of(server.requests[0]) == {
        "To": ["+819012345678"],
        "From": [SANDBOX_SENDER],
        "Body": ["田中様 & 10%\n+1"],
        "ValidityPeriod": ["600"],
    }


def test_a_messaging_service_is_named_as_one():
    with canned(created(num_segments="0")) as server:
        (accepted,) = submitted(new_provider(server.url), new_message(sender=SERVICE))

    assert form_of(server.requests[0])["MessagingServiceSid"] == [SERVICE]
    assert "From" not in form_of(server.requests[0])
    assert accepted.parts is None


def test_a_name_that_begins_like_a_service_is_still_a_name():
    with canned(created()) as server:
        submitted(new_provider(server.url), new_message(sender="MG Salon"))

    assert form_of(server.requests[0])["From"] == ["MG Salon"]


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [pytest.param(0, "1", id="at least a second"), pytest.param(6000, "36000", id="at most ten hours")],
)
def test_the_validity_stays_within_what_twilio_takes(minutes, seconds):
    with canned(created()) as server:
        submitted(new_provider(server.url), new_message(minutes=minutes))

    assert form_of(server.requests[0])["ValidityPeriod"] == [seconds]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http("<html>Welcome</html>", "200 OK"), id="a page"),
        pytest.param(http(""), id="nothing"),
        pytest.param(http("", "204 No Content"), id="no content"),
        pytest.param(http("{}"), id="no id"),
        pytest.param(created(sid=None), id="a null id"),
        pytest.param(created(sid=17), id="an id that is a number"),
        pytest.param(http("[]"), id="a list"),
        pytest.param(http('"SM1"'), id="a word"),
        pytest.param(http("[" * 100_000), id="too deep"),
        pytest.param(http(b'{"sid": "\xff'), id="bytes that are no text"),
        pytest.param(http("{}<cut>", length=100), id="cut in the middle"),
        pytest.param(b"garbage\r\n\r\n", id="not HTTP"),
        pytest.param(http("", "303 See Other", "Location: /elsewhere\r\n"), id="see other"),
        pytest.param(None, id="cut before the answer"),
    ],
)
def test_an_answer_that_does_not_prove_anything_is_doubtful_and_never_asked_for_twice(answer):
    with canned(answer, created()) as server, pytest.raises(UnknownOutcomeError):
        submitted(new_provider(server.url), new_message())

    assert len(server.requests) == 1


def test_a_text_is_accepted_by_its_id_whatever_else_the_answer_says():
    with canned(created(sid="SM1", date_created="Thu, 99 Aug 2026 05:01:45 +0000")) as server:
        (accepted,) = submitted(new_provider(server.url), new_message())

    assert accepted.provider_message_id == "SM1"


def test_a_redirect_is_never_followed():
    moved = http("", "307 Temporary Redirect", "Location: /elsewhere\r\n")
    with canned(moved, created()) as server, pytest.raises(UnavailableError) as caught:
        submitted(new_provider(server.url), new_message())

    assert caught.value.action is Action.PAUSE_PROVIDER
    assert len(server.requests) == 1


def test_a_reused_connection_that_is_cut_is_doubtful_and_not_tried_again():
    with canned(created(), None, created()) as server, pytest.raises(UnknownOutcomeError):
        submitted(new_provider(server.url), new_message("one"), new_message("two"))

    assert [form_of(request)["Body"] for request in server.requests] == [["one"], ["two"]]


def test_an_answer_that_trickles_for_ever_ends_with_the_whole_time():
    trickle = b"HTTP/1.1 201 Created\r\nContent-Length: 44\r\n\r\n" + b'{"sid": "SM1"}' + b"| " * 30
    with canned(trickle, pause=0.05) as server, pytest.raises(UnknownOutcomeError):
        submitted(new_provider(server.url, connect_timeout=0.1, read_timeout=0.3), new_message())


def test_a_server_that_does_not_take_the_connection_was_sent_nothing():
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        provider = new_provider("http://{}:{}".format(*full.getsockname()), connect_timeout=0.2)

        with pytest.raises(UnavailableError, match="ConnectionTimeoutError"):
            submitted(provider, new_message())


def test_a_server_without_tls_was_sent_nothing(server):
    with pytest.raises(UnavailableError, match="cannot be reached"):
        submitted(new_provider(server.url.replace("http:", "https:")), new_message())

    assert server.request_count == 0


def test_a_name_that_does_not_exist_was_sent_nothing():
    with pytest.raises(UnavailableError, match="cannot be reached"):
        submitted(new_provider("http://twilio.invalid"), new_message())


def test_waiting_in_vain_for_a_free_connection_does_not_count_as_sent(server):
    server.behave(Faults(shares={Fault.SILENCE_AFTER: 1}))
    provider = new_provider(server.url, slots=1, connect_timeout=0.2, read_timeout=1)

    async def story():
        calls = [provider.submit(new_message(f"text {number}")) for number in range(1 + READERS + 2)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        await provider.close()
        return [type(end) for end in ends]

    ends = asyncio.run(story())

    assert ends.count(UnknownOutcomeError) == len(server.accepted) == 1 + READERS
    assert ends.count(UnavailableError) == 2


def test_a_text_that_no_encoding_has_is_rejected_before_it_is_sent(server):
    with pytest.raises(RejectedError, match="no encoding"):
        submitted(new_provider(server.url), new_message("half an emoji \ud83d"))

    assert server.request_count == 0


def test_a_provider_may_be_closed_and_used_again_in_another_loop(server):
    provider = new_provider(server.url)

    submitted(provider, new_message("one"))
    submitted(provider, new_message("two"))

    assert [text.body for text in server.accepted] == ["one", "two"]


@pytest.mark.parametrize(
    ("to", "code"),
    [
        pytest.param("+15005550001", "21211", id="no number"),
        pytest.param("+15005550002", "21612", id="no route"),
        pytest.param("+15005550003", "21408", id="country not enabled"),
        pytest.param("+15005550004", "21610", id="unsubscribed"),
        pytest.param("+15005550009", "21614", id="no mobile"),
    ],
)
def test_twilio_s_test_numbers_are_refused_with_their_codes(server, to, code):
    with pytest.raises(RejectedError) as caught:
        submitted(new_provider(server.url), new_message(to=to))

    assert caught.value.code == code
    assert caught.value.action == TwilioProvider.meaning_of(new_provider(server.url), code).action


def test_a_sender_whose_queue_is_full_may_be_used_later(server):
    with pytest.raises(UnavailableError) as caught:
        submitted(new_provider(server.url), new_message(sender="+15005550008"))

    assert caught.value.code == "21611"


def test_a_throttled_text_says_how_long_to_wait(server):
    server.behave(Faults(script=(Fault.THROTTLE,), retry_after=7))

    with pytest.raises(UnavailableError) as caught:
        submitted(new_provider(server.url), new_message())

    assert (caught.value.retry_after, caught.value.action) == (7, Action.CUT_PACE)


def test_a_code_in_no_table_is_final_and_alerts(server):
    server.behave(Faults(script=(Refusal(21999),)))

    with pytest.raises(RejectedError) as caught:
        submitted(new_provider(server.url), new_message())

    assert (caught.value.code, caught.value.action) == ("21999", Action.ALERT)

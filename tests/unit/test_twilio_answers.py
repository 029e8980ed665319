import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.errors import RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action
from lumiere_sms.providers.twilio_answers import failure_of_reading, failure_of_submission

HTML = "<html><h1>Bad Gateway</h1></html>"


def words(code, message="Something"):
    return json.dumps({"code": code, "message": message, "more_info": "https://…", "status": 400})


@pytest.mark.parametrize(
    ("status", "text", "outcome", "action"),
    [
        pytest.param(400, words(21610), RejectedError, Action.OPT_OUT, id="a code of the table"),
        pytest.param(400, words(99999), RejectedError, Action.ALERT, id="a code in no table is final and alerts"),
        pytest.param(401, words(20003), UnavailableError, Action.PAUSE_PROVIDER, id="refused credentials fail nobody"),
        pytest.param(429, words(20429), UnavailableError, Action.CUT_PACE, id="throttled"),
        pytest.param(429, words(63038), UnavailableError, Action.PAUSE_PROVIDER, id="over the daily limit"),
        pytest.param(429, HTML, UnavailableError, Action.CUT_PACE, id="throttled by something in between"),
        pytest.param(500, words(20500), UnknownOutcomeError, Action.NONE, id="500 may have been accepted"),
        pytest.param(500, words(99999), UnknownOutcomeError, Action.NONE, id="500 with a code in no table"),
        pytest.param(500, words(21610), UnknownOutcomeError, Action.OPT_OUT, id="500 beats its code"),
        pytest.param(503, words(20503), UnknownOutcomeError, Action.CUT_PACE, id="503"),
        pytest.param(502, HTML, UnknownOutcomeError, Action.NONE, id="502 of a gateway"),
        pytest.param(400, words(20500), UnknownOutcomeError, Action.NONE, id="a doubtful code under a 400"),
        pytest.param(408, HTML, UnknownOutcomeError, Action.NONE, id="request time-out"),
        pytest.param(499, HTML, UnknownOutcomeError, Action.NONE, id="client gave up, says a gateway"),
        pytest.param(403, HTML, UnavailableError, Action.PAUSE_PROVIDER, id="a page of a firewall"),
        pytest.param(404, "", UnavailableError, Action.PAUSE_PROVIDER, id="nothing at a wrong address"),
        pytest.param(400, "[1]", UnavailableError, Action.PAUSE_PROVIDER, id="JSON that is no error of Twilio"),
        pytest.param(400, '{"message": "no"}', UnavailableError, Action.PAUSE_PROVIDER, id="an error without a code"),
        pytest.param(400, "[" * 100_000, UnavailableError, Action.PAUSE_PROVIDER, id="JSON too deep to read"),
        pytest.param(301, "", UnavailableError, Action.PAUSE_PROVIDER, id="moved: nothing was done here"),
        pytest.param(307, "", UnavailableError, Action.PAUSE_PROVIDER, id="moved for now"),
        pytest.param(308, "", UnavailableError, Action.PAUSE_PROVIDER, id="moved for good"),
        pytest.param(302, "", UnknownOutcomeError, Action.PAUSE_PROVIDER, id="found: something may have been done"),
        pytest.param(303, "", UnknownOutcomeError, Action.PAUSE_PROVIDER, id="see other"),
    ],
)
def test_an_answer_to_a_submission_is_exactly_one_of_three(status, text, outcome, action):
    error = failure_of_submission(status, text, {})

    assert type(error) is outcome
    assert error.action is action


@settings(deadline=None)  # the first example reads the table
@given(status=st.integers(300, 599), text=st.text(max_size=40) | st.sampled_from([HTML, words(21610), words(1)]))
def test_no_5xx_is_ever_safe_to_send_again_and_no_429_is_ever_doubtful(status, text):
    error = failure_of_submission(status, text, {})

    assert type(error) in {RejectedError, UnavailableError, UnknownOutcomeError}
    assert (status >= 500) <= (type(error) is UnknownOutcomeError)
    assert (status == 429) <= (type(error) is UnavailableError)


@settings(deadline=None)  # the first example reads the table
@given(status=st.integers(300, 599), text=st.text(max_size=40) | st.sampled_from([HTML, words(20404), words(1)]))
def test_reading_is_never_doubtful(status, text):
    assert type(failure_of_reading(status, text, {})) in {RejectedError, UnavailableError}


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        pytest.param(404, words(20404), RejectedError, id="not found, says Twilio"),
        pytest.param(401, words(20003), RejectedError, id="refused credentials"),
        pytest.param(404, HTML, UnavailableError, id="not found, says something else"),
        pytest.param(429, words(20429), UnavailableError, id="throttled"),
        pytest.param(500, words(20500), UnavailableError, id="failed"),
    ],
)
def test_a_failed_reading_says_whether_asking_again_may_help(status, text, outcome):
    assert type(failure_of_reading(status, text, {})) is outcome


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="seconds"),
        pytest.param({"Retry-After": "999999"}, 3600, id="at most an hour"),
        pytest.param(
            {"Retry-After": "Mon, 02 Mar 2026 10:00:30 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 30, id="a date"
        ),
        pytest.param(
            {"Retry-After": "Mon, 02 Mar 2026 10:00:00 GMT", "Date": "Mon, 02 Mar 2026 11:00:00 GMT"}, 0, id="past"
        ),
        pytest.param({"Retry-After": "Mon, 02 Mar 2026 10:00:30 GMT"}, 0, id="a date beside none"),
        pytest.param({"Retry-After": "soon"}, 0, id="nonsense"),
        pytest.param({}, 0, id="nothing"),
    ],
)
def test_a_throttled_provider_is_left_alone_as_long_as_it_asks(headers, seconds):
    assert failure_of_submission(429, words(20429), headers).retry_after == seconds


def test_refused_credentials_name_the_variables_to_check():
    assert "TWILIO_AUTH_TOKEN" in failure_of_submission(401, words(20003), {}).hint
    assert "TWILIO_AUTH_TOKEN" in failure_of_reading(401, words(20003), {}).hint


def test_a_page_that_is_not_twilio_s_names_the_address_to_check():
    assert "LUMIERE_SMS_TWILIO_BASE_URL" in failure_of_submission(403, HTML, {}).hint


def test_numbers_in_the_provider_s_words_are_masked():
    error = failure_of_submission(400, words(99999, "The number +819012345678 is odd"), {})

    assert "9012345" not in str(error)
    assert "is odd" in str(error)


def test_the_newer_form_of_an_error_is_read_too():
    text = json.dumps({"type": "about:x", "title": "Blocked", "status": 400, "code": 21610, "detail": "Unsubscribed"})

    assert failure_of_submission(400, text, {}).code == "21610"

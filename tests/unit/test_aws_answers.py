import ssl

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from lumiere_sms.errors import RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.aws_answers import failure_of_reading, failure_of_submission
from lumiere_sms.providers.base import Action

URL = "https://sms-voice.ap-northeast-1.amazonaws.com/"


def answer(status, code="", message="", headers=None, **more):
    response = {"Error": {"Code": code, "Message": message}, **more}
    response["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}
    return ClientError(response, "SendTextMessage")


@pytest.mark.parametrize(
    ("error", "outcome", "action"),
    [
        pytest.param(answer(400, "ThrottlingException"), UnavailableError, Action.CUT_PACE, id="throttled"),
        pytest.param(answer(400, "Throttling"), UnavailableError, Action.CUT_PACE, id="throttled, as SNS says it"),
        pytest.param(answer(429, "Whatever"), UnavailableError, Action.CUT_PACE, id="429 of any name"),
        pytest.param(answer(500, "InternalServerException"), UnknownOutcomeError, Action.NONE, id="500"),
        pytest.param(answer(503, "ServiceUnavailable"), UnknownOutcomeError, Action.CUT_PACE, id="503"),
        pytest.param(answer(503, "503"), UnknownOutcomeError, Action.NONE, id="a gateway's 503"),
        pytest.param(answer(408, "408"), UnknownOutcomeError, Action.NONE, id="a request that was on its way"),
        pytest.param(answer(403, "403"), UnavailableError, Action.PAUSE_PROVIDER, id="a proxy's 403"),
        pytest.param(answer(307, "307"), UnavailableError, Action.PAUSE_PROVIDER, id="a redirect before anything"),
        pytest.param(answer(302, "302"), UnknownOutcomeError, Action.PAUSE_PROVIDER, id="a redirect after something"),
        pytest.param(answer(400, "Strange"), RejectedError, Action.ALERT, id="a code in no table"),
        pytest.param(answer(400, "ExpiredToken"), UnavailableError, Action.PAUSE_PROVIDER, id="credentials revoked"),
        pytest.param(
            answer(400, "ConflictException", Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT"),
            RejectedError,
            Action.OPT_OUT,
            id="the reason beats the exception",
        ),
        pytest.param(
            answer(400, "ValidationException", Reason="INVALID_PARAMETER", Fields=[{"Name": "DestinationPhoneNumber"}]),
            RejectedError,
            Action.INVALID_NUMBER,
            id="the field beats the reason",
        ),
        pytest.param(
            answer(400, "ValidationException", Reason="OTHER", Fields=[{"Name": "Context"}, "strange"]),
            RejectedError,
            Action.STOP_CAMPAIGN,
            id="a request that AWS does not like",
        ),
        pytest.param(
            answer(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +8190 is not valid"),
            RejectedError,
            Action.INVALID_NUMBER,
            id="SNS and a number",
        ),
        pytest.param(
            answer(400, "InvalidParameter", "Invalid parameter: Message too long"),
            RejectedError,
            Action.STOP_CAMPAIGN,
            id="SNS and a text",
        ),
        pytest.param(
            answer(400, "ParameterValueInvalid", "AWS.SNS.SMS.SenderID is not valid"),
            RejectedError,
            Action.STOP_CAMPAIGN,
            id="SNS and a sender",
        ),
        pytest.param(answer(400, "InvalidParameter", "?"), RejectedError, Action.ALERT, id="SNS and who knows what"),
        pytest.param(ReadTimeoutError(endpoint_url=URL), UnknownOutcomeError, Action.NONE, id="silence"),
        pytest.param(ConnectionClosedError(endpoint_url=URL), UnknownOutcomeError, Action.NONE, id="cut"),
        pytest.param(ResponseParserError("<html>"), UnknownOutcomeError, Action.NONE, id="rubbish"),
        pytest.param(ConnectTimeoutError(endpoint_url=URL), UnavailableError, Action.NONE, id="nobody answers"),
        pytest.param(EndpointConnectionError(endpoint_url=URL), UnavailableError, Action.NONE, id="nobody listens"),
        pytest.param(
            SSLError(endpoint_url=URL, error=ssl.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] expired")),
            UnavailableError,
            Action.NONE,
            id="a certificate",
        ),
        pytest.param(
            SSLError(endpoint_url=URL, error=ssl.SSLError("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")),
            UnknownOutcomeError,
            Action.NONE,
            id="TLS that broke later",
        ),
    ],
)
def test_what_came_of_a_request_decides_whether_it_may_be_repeated(error, outcome, action):
    found = failure_of_submission(error, is_sent=True)

    assert type(found) is outcome
    assert found.action == action


@pytest.mark.parametrize(
    ("error", "outcome", "action"),
    [
        pytest.param(NoCredentialsError(), UnavailableError, Action.PAUSE_PROVIDER, id="no credentials"),
        pytest.param(
            CredentialRetrievalError(provider="process", error_msg="no"),
            UnavailableError,
            Action.PAUSE_PROVIDER,
            id="none to be had",
        ),
        pytest.param(answer(403, "AccessDenied"), UnavailableError, Action.PAUSE_PROVIDER, id="no role for us"),
        pytest.param(
            ReadTimeoutError(endpoint_url=URL), UnavailableError, Action.PAUSE_PROVIDER, id="nobody who gives them"
        ),
        pytest.param(ParamValidationError(report="empty"), RejectedError, Action.STOP_CAMPAIGN, id="nothing to send"),
    ],
)
def test_what_never_left_this_machine_is_never_in_doubt(error, outcome, action):
    found = failure_of_submission(error, is_sent=False)

    assert type(found) is outcome
    assert found.action == action


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(answer(403, "AccessDeniedException"), RejectedError, id="not allowed"),
        pytest.param(answer(400, "ThrottlingException"), UnavailableError, id="throttled"),
        pytest.param(answer(500, "InternalServerException"), UnavailableError, id="500"),
        pytest.param(answer(403, "403"), UnavailableError, id="a proxy"),
        pytest.param(ReadTimeoutError(endpoint_url=URL), UnavailableError, id="silence"),
    ],
)
def test_reading_is_never_in_doubt(error, outcome):
    assert type(failure_of_reading(error, is_sent=True)) is outcome


def test_reading_without_credentials_asks_for_the_account_to_be_mended():
    assert failure_of_reading(NoCredentialsError(), is_sent=False).action == Action.PAUSE_PROVIDER


def test_no_number_and_no_secret_stands_in_a_sentence():
    said = failure_of_submission(answer(400, "Strange", "+819012345678 may not"), is_sent=True)

    assert "12345678" not in str(said)


def test_how_long_aws_wants_to_be_left_alone_is_kept_within_bounds():
    assert failure_of_submission(answer(429, "Throttled", headers={"retry-after": "7"}), is_sent=True).retry_after == 7
    late = answer(429, "Throttled", headers={"retry-after": "999999"})
    assert failure_of_submission(late, is_sent=True).retry_after == 3600

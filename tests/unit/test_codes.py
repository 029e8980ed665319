import csv
from importlib.resources import files

import pytest

from lumiere_sms.errors import RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers import aws_events
from lumiere_sms.providers.base import Action, Meaning, Reason
from lumiere_sms.providers.codes import OUTCOMES, aws_codes, aws_meaning, twilio_codes, twilio_meaning
from lumiere_sms.testing.aws_model import service_model


def rows_of(file: str) -> list[dict[str, str]]:
    text = files("lumiere_sms.providers").joinpath(file).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


ROWS = rows_of("twilio_codes.csv")


@pytest.mark.parametrize(
    ("codes", "rows"),
    [
        pytest.param(twilio_codes(), ROWS, id="Twilio"),
        pytest.param(aws_codes(), rows_of("aws_codes.csv"), id="AWS"),
    ],
)
def test_every_row_of_the_table_is_read_as_it_stands(codes, rows):
    assert len(codes) == len(rows), "a code stands twice"
    for row in rows:
        meaning = codes[row["code"]]
        assert OUTCOMES[row["outcome"]] is meaning.outcome
        assert (meaning.text, meaning.receipt) == (row["meaning"], row["receipt"])
        assert meaning.receipt in {"bounced", "failed"}
        assert meaning.is_retryable == (row["retryable"] == "yes")
        assert meaning.is_known


def test_the_table_is_sorted_and_has_a_meaning_for_every_code():
    assert [int(row["code"]) for row in ROWS] == sorted(int(row["code"]) for row in ROWS)
    assert all(row["meaning"] for row in ROWS)


@pytest.mark.parametrize(
    ("code", "outcome", "reason", "action"),
    [
        pytest.param("21610", RejectedError, Reason.OPTED_OUT, Action.OPT_OUT, id="who unsubscribed is suppressed"),
        pytest.param("21211", RejectedError, Reason.NUMBER, Action.INVALID_NUMBER, id="no phone number"),
        pytest.param("21614", RejectedError, Reason.NUMBER, Action.LANDLINE, id="a landline"),
        pytest.param("30004", RejectedError, Reason.NUMBER, Action.BLOCKED, id="blocked"),
        pytest.param("21408", RejectedError, Reason.REGION, Action.STOP_CAMPAIGN, id="country not enabled"),
        pytest.param("21606", RejectedError, Reason.SENDER, Action.STOP_CAMPAIGN, id="wrong sender"),
        pytest.param("21617", RejectedError, Reason.CONTENT, Action.STOP_CAMPAIGN, id="text too long"),
        pytest.param("20003", UnavailableError, Reason.ACCOUNT, Action.PAUSE_PROVIDER, id="wrong credentials"),
        pytest.param("21608", UnavailableError, Reason.ACCOUNT, Action.PAUSE_PROVIDER, id="trial account"),
        pytest.param("21611", UnavailableError, Reason.PACE, Action.PAUSE_PROVIDER, id="queue full"),
        pytest.param("63038", UnavailableError, Reason.PACE, Action.PAUSE_PROVIDER, id="daily limit"),
        pytest.param("14107", UnavailableError, Reason.PACE, Action.CUT_PACE, id="too fast"),
        pytest.param("20500", UnknownOutcomeError, Reason.ACCOUNT, Action.NONE, id="may have been accepted"),
    ],
)
def test_a_code_asks_for_what_its_page_says(code, outcome, reason, action):
    meaning = twilio_meaning(code)

    assert (meaning.outcome, meaning.reason, meaning.action) == (outcome, reason, action)


def test_carrier_failures_that_say_try_again_are_retryable_and_the_rest_is_not():
    carrier = {"30001", "30003", "30008", "30017", "30022", "30023", "30027", "30410", "30500"}
    rates = {"14107", "20429", "21611", "63017", "63018", "63038"}

    assert {code for code, meaning in twilio_codes().items() if meaning.is_retryable} == carrier | rates


def test_a_code_in_no_table_is_final_and_alerts_a_person():
    assert twilio_meaning("12345") == Meaning("12345", "")
    assert not twilio_meaning("12345").is_known
    assert twilio_meaning("12345").outcome is RejectedError
    assert twilio_meaning("12345").action is Action.ALERT


def test_only_a_code_for_an_opt_out_suppresses_as_one():
    assert [code for code, meaning in twilio_codes().items() if meaning.action is Action.OPT_OUT] == ["21610"]


def test_every_reason_for_which_aws_refuses_a_text_is_one_that_aws_gives():
    reasons = {
        reason
        for shape in service_model("pinpoint-sms-voice-v2").error_shapes
        if "Reason" in shape.members
        for reason in shape.members["Reason"].enum
    }

    assert {code for code in aws_codes() if code.isupper() and not code.startswith("TEXT_")} <= reasons


def test_every_event_of_a_text_that_failed_has_a_meaning():
    failed = {kind for kind, status in aws_events._STATUSES.items() if status in aws_events._FAILURES}

    assert {code for code in aws_codes() if code.startswith("TEXT_")} == failed


def test_only_the_reason_of_a_refusal_suppresses_as_one_at_aws():
    found = [code for code, meaning in aws_codes().items() if meaning.action is Action.OPT_OUT]

    assert found == ["DESTINATION_PHONE_NUMBER_OPTED_OUT"]
    assert aws_meaning("ThrottlingException").outcome is UnavailableError
    assert not aws_meaning("BrandNew").is_known

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from lumiere_sms.providers.aws_events import UnreadableEventError, event_of
from lumiere_sms.providers.base import ReceiptStatus
from lumiere_sms.testing.aws_queue import Envelope, wrapped

ATTEMPT, TENANT = UUID(int=7), UUID(int=8)
EVENT = {  # as on AWS's page about the format, with a context of ours
    "eventType": "TEXT_SUCCESSFUL",
    "eventVersion": "1.0",
    "eventTimestamp": 1686975103470,
    "isFinal": True,
    "originationPhoneNumber": "+12065550152",
    "destinationPhoneNumber": "+14255550156",
    "messageId": "862a8790-60c0-4430-9b2b-658bdexample",
    "messageRequestTimestamp": 1686975103170,
    "messageEncoding": "GSM",
    "context": {"attempt": ATTEMPT.hex, "tenant": TENANT.hex},
    "totalMessageParts": 2,
    "totalMessagePrice": 0.09582,
    "totalCarrierFee": 0.003,
}


@pytest.mark.parametrize("envelope", Envelope)
def test_an_event_is_read_in_whatever_it_is_wrapped(envelope):
    receipt = event_of(wrapped(EVENT, envelope))

    assert receipt is not None
    assert (receipt.attempt_id, receipt.user_id) == (ATTEMPT, TENANT)
    assert (receipt.status, receipt.code) == (ReceiptStatus.DELIVERED, "")
    assert (receipt.parts, receipt.price, receipt.currency) == (2, Decimal("0.09882"), "USD")
    assert receipt.updated_at == datetime(2023, 6, 17, 4, 11, 43, 470000, UTC)


def test_an_event_within_two_envelopes_is_read():
    within = wrapped(json.loads(wrapped(EVENT, Envelope.EVENTBRIDGE)), Envelope.SNS)

    assert event_of(within) == event_of(json.dumps(EVENT))


@pytest.mark.parametrize(
    ("kind", "is_final", "status", "code"),
    [
        pytest.param("TEXT_QUEUED", False, ReceiptStatus.QUEUED, "", id="queued"),
        pytest.param("TEXT_SUCCESSFUL", False, ReceiptStatus.SENT, "", id="with the carrier, more will come"),
        pytest.param("TEXT_DELIVERED", True, ReceiptStatus.DELIVERED, "", id="delivered"),
        pytest.param("TEXT_SPAM", True, ReceiptStatus.UNDELIVERED, "TEXT_SPAM", id="spam"),
        pytest.param("TEXT_TTL_EXPIRED", True, ReceiptStatus.FAILED, "TEXT_TTL_EXPIRED", id="too late"),
        pytest.param("TEXT_UNKNOWN", True, ReceiptStatus.SENT, "", id="nobody knows"),
        pytest.param(
            "TEXT_BRAND_NEW", False, ReceiptStatus.ACCEPTED, "", id="a kind that proves no more than having it"
        ),
    ],
)
def test_the_kind_of_an_event_says_what_became_of_the_text(kind, is_final, status, code):
    receipt = event_of(json.dumps(EVENT | {"eventType": kind, "isFinal": is_final}))

    assert receipt is not None
    assert (receipt.status, receipt.code) == (status, code)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"eventType": "VOICE_COMPLETED", "messageId": "1"}, id="a call"),
        pytest.param({"eventType": "TEXT_QUEUED"}, id="no message"),
        pytest.param({"hello": "world"}, id="something else"),
    ],
)
def test_what_is_not_about_a_text_is_nothing(said):
    assert event_of(json.dumps(said)) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("<html>", id="no JSON"),
        pytest.param("[1]", id="a list"),
        pytest.param('{"Type": "Notification", "Message": "hello"}', id="an envelope around words"),
        pytest.param('{"Type": "Notification", "Message": 7}', id="an envelope around a number"),
        pytest.param("[" * 100_000, id="nested without end"),
        pytest.param('{"detail-type": "", "detail": ' * 3 + "{}" + "}" * 3, id="one envelope too many"),
    ],
)
def test_what_cannot_be_read_is_told(body):
    with pytest.raises(UnreadableEventError):
        event_of(body)


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param({"context": None}, id="no context"),
        pytest.param({"context": {"attempt": "x", "tenant": 7}}, id="a context of somebody else"),
        pytest.param({"context": "words"}, id="a context that is none"),
    ],
)
def test_an_event_without_our_context_is_a_strangers(strange):
    receipt = event_of(json.dumps(EVENT | strange))

    assert receipt is not None
    assert (receipt.attempt_id, receipt.user_id) == (None, None)


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param({"totalMessagePrice": "dear", "totalCarrierFee": None}, id="words"),
        pytest.param({"totalMessagePrice": -1}, id="negative"),
        pytest.param({"totalMessagePrice": True}, id="yes"),
        pytest.param({"totalMessagePrice": 0, "totalCarrierFee": 0, "isFinal": False}, id="not known yet"),
    ],
)
def test_a_price_that_is_none_is_not_known(strange):
    receipt = event_of(json.dumps(EVENT | strange))

    assert receipt is not None
    assert (receipt.price, receipt.currency) == (None, "")


def test_a_text_that_costs_nothing_in_the_end_costs_nothing():
    receipt = event_of(json.dumps(EVENT | {"totalMessagePrice": 0, "totalCarrierFee": 0.0}))

    assert receipt is not None
    assert receipt.price == 0


@pytest.mark.parametrize("stamp", [None, "today", True, 10**30])
def test_an_instant_that_is_none_is_not_known(stamp):
    receipt = event_of(json.dumps(EVENT | {"eventTimestamp": stamp, "totalMessageParts": 0}))

    assert receipt is not None
    assert (receipt.updated_at, receipt.parts) == (None, None)

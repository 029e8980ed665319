import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from support.wire import TODAY, canned, checked, fetched, http, new_message, new_provider, receipts, submitted

from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.base import ReceiptStatus
from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, SANDBOX_SENDER, TwilioServer

SERVICE = "MG" + "0" * 32
MORNING = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)


def test_a_receipt_says_what_became_of_a_text():
    clock = FrozenClock(MORNING)
    with TwilioServer(clock=clock) as server:
        (accepted,) = submitted(new_provider(server.url), new_message("田中様" * 30))
        clock.advance(timedelta(minutes=1))
        receipt = fetched(new_provider(server.url), accepted.provider_message_id)

    assert accepted.parts == 2
    assert receipt.status is ReceiptStatus.DELIVERED
    assert receipt.parts == 2
    assert receipt.price == Decimal("0.0842") * 2
    assert receipt.currency == "USD"
    assert (receipt.to, receipt.sender, receipt.body) == ("+819012345678", SANDBOX_SENDER, "田中様" * 30)
    assert receipt.created_at == MORNING


def test_a_text_that_is_not_delivered_comes_back_with_its_code():
    faults = Faults(fail_delivery=1, failure_codes=(30003,), deliver_after=timedelta(0))
    with TwilioServer(faults) as server:
        (accepted,) = submitted(new_provider(server.url), new_message())
        receipt = fetched(new_provider(server.url), accepted.provider_message_id)

    assert (receipt.status, receipt.code) == (ReceiptStatus.UNDELIVERED, "30003")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({"status": "read"}, {"status": ReceiptStatus.DELIVERED}, id="read"),
        pytest.param({"status": "canceled"}, {"status": ReceiptStatus.FAILED}, id="cancelled"),
        pytest.param({"status": "brand_new"}, {"status": ReceiptStatus.ACCEPTED}, id="a status of tomorrow"),
        pytest.param({"price": "cheap"}, {"price": None}, id="a price that is no number"),
        pytest.param(
            {"price": "-0.08420", "price_unit": "usd"}, {"price": Decimal("0.08420"), "currency": "USD"}, id="price"
        ),
        pytest.param({"num_segments": "many"}, {"parts": None}, id="a count that is none"),
        pytest.param({"error_code": 30003}, {"code": "30003"}, id="code"),
        pytest.param({"from": "+1500", "messaging_service_sid": SERVICE}, {"sender": SERVICE}, id="service"),
    ],
)
def test_a_receipt_is_read_as_twilio_means_it(fields, wanted):
    with canned(http(json.dumps({"sid": "SM1", "status": "sent", **fields}), "200 OK")) as server:
        receipt = fetched(new_provider(server.url), "SM1")

    assert {name: getattr(receipt, name) for name in wanted} == wanted


def test_the_list_is_read_page_by_page_and_only_of_its_sender_and_day():
    clock = FrozenClock(MORNING - timedelta(days=1))
    with TwilioServer(Faults(deliver_after=timedelta(0)), clock=clock) as server:
        submitted(new_provider(server.url), new_message("yesterday"))
        clock.advance(timedelta(days=1))
        submitted(new_provider(server.url), new_message("of another", sender="+15005550010"))
        submitted(new_provider(server.url), *[new_message(f"text {number}") for number in range(1002)])
        pages = receipts(new_provider(server.url))

    assert [len(page) for page in pages] == [1000, 2]
    assert [receipt.body for page in pages for receipt in page] == [f"text {number}" for number in range(1001, -1, -1)]


def test_the_list_of_a_messaging_service_holds_its_texts_only():
    with TwilioServer(Faults(deliver_after=timedelta(0)), clock=FrozenClock(MORNING)) as server:
        submitted(new_provider(server.url), new_message("ours", sender=SERVICE), new_message("of a number"))
        pages = receipts(new_provider(server.url), sender=SERVICE)

    assert [[receipt.body for receipt in page] for page in pages] == [["ours"]]


def test_what_people_wrote_to_us_is_not_a_receipt():
    rows = [{"sid": "SM1", "direction": "inbound", "status": "received"}, {"sid": "SM2", "direction": "outbound-api"}]
    with canned(http(json.dumps({"messages": rows, "next_page_uri": None}), "200 OK")) as server:
        pages = receipts(new_provider(server.url))

    assert [[receipt.provider_message_id for receipt in page] for page in pages] == [["SM2"]]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http("<html>", "200 OK"), id="a page"),
        pytest.param(http("{}", "200 OK"), id="no list"),
        pytest.param(http('{"messages": 3}', "200 OK"), id="a list that is a number"),
        pytest.param(http('{"messages": ["x"]}', "200 OK"), id="a row that is a word"),
        pytest.param(http("{}", "202 Accepted"), id="not yet"),
        pytest.param(http("", "500 Oops"), id="an error"),
        pytest.param(http("", "302 Found", "Location: /\r\n"), id="a redirect"),
        pytest.param(b"garbage\r\n\r\n", id="not HTTP"),
        pytest.param(http("{}<cut>", length=100), id="cut in the middle"),
    ],
)
def test_a_list_that_cannot_be_read_is_asked_for_again_later(answer):
    with canned(answer, None) as server, pytest.raises(UnavailableError):
        receipts(new_provider(server.url))


def test_a_text_that_twilio_does_not_know_has_no_receipt(server):
    assert fetched(new_provider(server.url), "SM" + "0" * 32) is None


def test_a_receipt_that_may_not_be_read_is_no_absence():
    refused = http('{"code": 20003, "message": "Authenticate"}', "401 Unauthorized")
    with canned(refused) as server, pytest.raises(RejectedError):
        fetched(new_provider(server.url), "SM1")


def test_a_check_says_whose_account_answers(server):
    assert checked(new_provider(server.url)) == 'account "Sandbox" is active'


def test_a_check_with_a_wrong_token_names_the_variables(server):
    provider = TwilioProvider(account_sid=SANDBOX_ACCOUNT_SID, auth_token="s3cr3t", base_url=server.url)

    with pytest.raises(RejectedError) as caught:
        checked(provider)

    assert caught.value.code == "20003"
    assert "TWILIO_AUTH_TOKEN" in caught.value.hint
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(http('{"status": "suspended"}', "200 OK"), "is suspended", id="a suspended account"),
        pytest.param(http('{"code": 20404, "message": "-"}', "404 Not Found"), "does not exist", id="no such account"),
    ],
)
def test_a_check_of_an_account_that_cannot_send_is_refused(answer, said):
    with canned(answer) as server, pytest.raises(RejectedError, match=said):
        checked(new_provider(server.url))


def test_a_check_with_test_credentials_says_that_they_send_nothing():
    refused = http('{"code": 20008, "message": "Test credentials"}', "403 Forbidden")
    with canned(refused) as server:
        assert "send nothing" in checked(new_provider(server.url))


def test_the_sdk_logs_no_phone_number(server, caplog):
    caplog.set_level("DEBUG")

    submitted(new_provider(server.url), new_message())
    receipts(new_provider(server.url), day=TODAY)

    assert "9012345678" not in caplog.text

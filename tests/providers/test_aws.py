import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from support.aws import AT_ONCE, QUICKLY
from support.wire import NOBODY, PHONE, closing

from lumiere_sms.errors import ConfigurationError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.aws import SIMULATOR, AwsProvider
from lumiere_sms.providers.aws_events import PAGE_SIZE
from lumiere_sms.providers.base import Message, ReceiptStatus
from lumiere_sms.providers.registry import make_provider
from lumiere_sms.settings import Settings
from lumiere_sms.testing.aws_queue import Envelope
from lumiere_sms.testing.aws_server import AwsServer
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal


def text(sender: str = "default", body: str = "hello", minutes: float = 10, to: str = PHONE) -> Message:
    return Message(uuid4(), to, sender, body, timedelta(minutes=minutes), uuid4())


def provider_of(server: AwsServer, **variables: str) -> AwsProvider:
    provider = make_provider("aws", Settings.read({"LUMIERE_SMS_AWS_EVENTS_QUEUE_URL": server.queue_url, **variables}))
    assert isinstance(provider, AwsProvider)
    return provider


def reported(provider: AwsProvider) -> list:
    async def events() -> list:
        return [receipt async for batch in provider.events() for receipt in batch]

    return closing(provider, events())


def test_a_text_carries_its_attempt_its_tenant_and_all_that_is_set(aws_server):
    provider = provider_of(
        aws_server,
        LUMIERE_SMS_AWS_TYPE="promotional",
        LUMIERE_SMS_AWS_CONFIGURATION_SET="salon",
        LUMIERE_SMS_AWS_MAX_PRICE="0.12",
    )
    message = text("pool-1")

    accepted = closing(provider, provider.submit(message))

    assert aws_server.requests == (
        {
            "DestinationPhoneNumber": PHONE,
            "OriginationIdentity": "pool-1",
            "MessageBody": "hello",
            "MessageType": "PROMOTIONAL",
            "ConfigurationSetName": "salon",
            "MaxPrice": "0.12000",
            "TimeToLive": 600,
            "Context": {"attempt": message.attempt_id.hex, "tenant": message.user_id.hex},
        },
    )
    assert accepted.provider_message_id == aws_server.accepted[0].sid


@pytest.mark.parametrize(("minutes", "seconds"), [(0.01, 5), (60 * 24 * 9, 259_200)])
def test_a_time_to_live_keeps_within_what_aws_takes(aws_server, minutes, seconds):
    provider = provider_of(aws_server)

    closing(provider, provider.submit(text(minutes=minutes)))

    assert aws_server.requests[0]["TimeToLive"] == seconds


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(text(to="nobody"), "ValidationException.DestinationPhoneNumber", id="a number"),
        pytest.param(text(sender="a b"), "ValidationException.OriginationIdentity", id="a sender"),
        pytest.param(text(body="x" * 1601), "ValidationException.MessageBody", id="a text that is too long"),
        pytest.param(text(body=""), "ParamValidationError", id="no text"),
    ],
)
def test_what_aws_does_not_take_is_told_by_what_is_wrong_with_it(aws_server, message, code):
    provider = provider_of(aws_server)

    with pytest.raises(RejectedError) as caught:
        closing(provider, provider.submit(message))

    assert caught.value.code == code
    assert aws_server.accepted == ()


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.ERROR_AFTER, Fault.CUT_AFTER, Fault.HTML_AFTER])
def test_nothing_in_the_environment_makes_it_send_twice(aws_server, aws_environment, fault):
    aws_environment.setenv("AWS_MAX_ATTEMPTS", "5")
    aws_environment.setenv("AWS_RETRY_MODE", "legacy")
    aws_server.behave(Faults(shares={fault: 1.0}))
    provider = provider_of(aws_server)

    with pytest.raises((UnavailableError, UnknownOutcomeError)):
        closing(provider, provider.submit(text()))

    assert len(aws_server.requests) == 1


@pytest.mark.parametrize("envelope", Envelope)
def test_a_text_whose_answer_was_lost_is_found_by_its_events(aws_environment, envelope):
    faults = Faults(script=(Fault.CUT_AFTER,), deliver_after=AT_ONCE)
    with AwsServer(faults, envelope=envelope, longest_wait=AT_ONCE) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", server.url)
        provider, message = provider_of(server), text()

        with pytest.raises(UnknownOutcomeError):
            closing(provider, provider.submit(message))
        receipts = reported(provider)

    assert {(receipt.attempt_id, receipt.user_id) for receipt in receipts} == {(message.attempt_id, message.user_id)}
    assert max(receipt.status for receipt in receipts if receipt.status.is_final) is ReceiptStatus.DELIVERED
    assert len(server.queue) == 0


def test_a_queue_waits_a_little_for_a_first_event(aws_environment):
    faults = Faults(deliver_after=timedelta(seconds=0.2))
    with AwsServer(faults, longest_wait=timedelta(seconds=0.6)) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", server.url)
        provider = provider_of(server)
        closing(provider, provider.submit(text()))

        receipts = reported(provider)

    assert [receipt.status for receipt in receipts][-1] is ReceiptStatus.DELIVERED


def test_many_events_are_read_and_deleted_in_pages(aws_server):
    async def submit_many() -> None:
        await asyncio.gather(*(provider.submit(text()) for _ in range(2 * PAGE_SIZE)))

    provider = provider_of(aws_server)
    aws_server.queue.hidden_for = timedelta(seconds=30)
    closing(provider, submit_many())

    receipts = reported(provider)

    assert len(receipts) == 3 * 2 * PAGE_SIZE
    assert len(aws_server.queue) == 0


def test_what_cannot_be_read_stays_in_the_queue_and_a_call_is_forgotten(aws_server, clock):
    aws_server.queue.hidden_for = timedelta(seconds=30)
    aws_server.queue.put("hello", at=clock.now())
    aws_server.queue.put('{"eventType": "VOICE_COMPLETED", "messageId": "1"}', at=clock.now())
    provider = provider_of(aws_server)

    assert reported(provider) == []
    assert len(aws_server.queue) == 1


def test_without_a_queue_there_are_no_events(aws_server):
    provider = AwsProvider(**QUICKLY)

    assert not provider.has_events
    assert reported(provider) == []
    assert "no queue of events is set" in closing(provider, provider.check())


def test_a_queue_that_does_not_answer_is_no_more_than_that(aws_server):
    provider = provider_of(aws_server)
    aws_server.key_id = "AKIAANOTHER"

    with pytest.raises(RejectedError) as caught:
        reported(provider)

    assert caught.value.code == "UnrecognizedClientException"


def test_the_opt_out_list_is_read(aws_server):
    async def numbers() -> list[str]:
        return [number async for page in provider.list_opt_outs() for number in page]

    aws_server.opted_out += ["+819011112222"]
    provider = provider_of(aws_server)

    assert closing(provider, numbers()) == ["+819011112222"]


def test_a_check_is_a_dry_run_that_sends_nothing(aws_server):
    provider = provider_of(aws_server, LUMIERE_SMS_AWS_SENDER="SALON")

    assert closing(provider, provider.check()) == "a dry run went well; 0 events wait"
    assert aws_server.requests == aws_server.accepted == ()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param("COUNTRY_NOT_ENABLED", "texts to this country are not enabled", id="no American numbers"),
        pytest.param("DESTINATION_PHONE_NUMBER_NOT_VERIFIED", "in the sandbox", id="the account's sandbox"),
    ],
)
def test_a_check_takes_a_refusal_of_its_number_for_an_answer(aws_server, code, said):
    aws_server.behave(Faults(by_phone={SIMULATOR: Refusal(code)}))
    provider = provider_of(aws_server)

    assert said in closing(provider, provider.check())


def test_a_check_tells_of_a_queue_that_cannot_be_read(aws_server, aws_environment):
    aws_environment.setenv("AWS_ENDPOINT_URL_SQS", NOBODY)
    provider = provider_of(aws_server)

    assert "a dry run went well; its events cannot be read" in closing(provider, provider.check())


def test_a_check_fails_where_the_account_is_refused(aws_server):
    aws_server.behave(Faults(by_phone={SIMULATOR: Refusal("ACCOUNT_DISABLED")}))
    provider = provider_of(aws_server)

    with pytest.raises(RejectedError, match="may not send texts any more"):
        closing(provider, provider.check())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({"LUMIERE_SMS_AWS_TYPE": "loud"}, "must be promotional or transactional", id="a type"),
        pytest.param({"LUMIERE_SMS_AWS_MAX_PRICE": "100"}, "below 100", id="a price"),
    ],
)
def test_a_setting_that_aws_would_not_take_is_refused(aws_server, variables, said):
    with pytest.raises(ConfigurationError, match=said):
        provider_of(aws_server, **variables)

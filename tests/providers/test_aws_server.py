import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from support.aws import AT_ONCE

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.testing.aws_server import AwsServer
from lumiere_sms.testing.twilio_faults import Faults

TEXT = {"DestinationPhoneNumber": "+819012345678", "MessageBody": "hello"}


def ask(server: AwsServer, target: str, parameters: dict, key_id: str = "") -> tuple[int, dict]:
    request = Request(server.url, data=json.dumps(parameters).encode(), method="POST")
    request.add_header("X-Amz-Target", target)
    request.add_header("Authorization", f"AWS4-HMAC-SHA256 Credential={key_id or server.key_id}/20260315/x")
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def send(server: AwsServer, **changes) -> tuple[int, dict]:
    wanted = {name: value for name, value in (TEXT | changes).items() if value is not None}
    return ask(server, "PinpointSMSVoiceV2.SendTextMessage", wanted)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"DestinationPhoneNumber": None}, "DestinationPhoneNumber", id="nobody"),
        pytest.param({"DestinationPhoneNumber": "nobody"}, "DestinationPhoneNumber", id="no number"),
        pytest.param({"MessageBody": "x" * 1601}, "MessageBody", id="too long"),
        pytest.param({"MessageBody": ["x"]}, "MessageBody", id="no text"),
        pytest.param({"TimeToLive": 259_201}, "TimeToLive", id="too late"),
        pytest.param({"MessageType": "LOUD"}, "MessageType", id="no type"),
        pytest.param({"Context": {"a b": "c"}}, "Context", id="a key with a blank"),
        pytest.param({"Context": {str(n): "c" for n in range(6)}}, "Context", id="too many words"),
        pytest.param({"Body": "hello"}, "Body", id="a parameter that is none"),
    ],
)
@pytest.mark.parametrize("dry_run", [None, True], ids=["for real", "dry run"])
def test_a_request_that_aws_would_refuse_is_refused_with_the_field(aws_server, changes, field, dry_run):
    status, said = send(aws_server, DryRun=dry_run, **changes)

    assert (status, said["__type"], said["Reason"]) == (400, "ValidationException", "FIELD_VALIDATION_FAILED")
    assert [each["Name"] for each in said["Fields"]] == [field]
    assert aws_server.accepted == ()


@pytest.mark.parametrize(
    "target", ["PinpointSMSVoiceV2.DeletePool", "PinpointSMSVoiceV2.Sing", "Nobody.SendTextMessage"]
)
def test_an_operation_that_it_does_not_know_is_refused(aws_server, target):
    assert ask(aws_server, target, {})[1]["__type"] == "UnknownOperationException"


def test_a_stranger_is_refused(aws_server):
    status, said = ask(aws_server, "PinpointSMSVoiceV2.SendTextMessage", TEXT, key_id="AKIANOBODY")

    assert (status, said["__type"]) == (400, "UnrecognizedClientException")


def test_a_text_that_its_carrier_does_not_deliver_ends_with_an_event_that_says_so(aws_environment):
    with AwsServer(Faults(fail_delivery=1.0, failure_codes=(30007,), deliver_after=AT_ONCE)) as server:
        send(server, Context={"attempt": "1"})
        _, said = ask(server, "AmazonSQS.ReceiveMessage", {"QueueUrl": "q", "MaxNumberOfMessages": 10})

    events = [json.loads(message["Body"]) for message in said["Messages"]]
    assert [event["eventType"] for event in events] == ["TEXT_QUEUED", "TEXT_SENT", "TEXT_CARRIER_BLOCKED"]
    assert [event["isFinal"] for event in events] == [False, False, True]
    assert events[0]["context"] == {"attempt": "1"}


def test_a_port_that_is_taken_is_told(aws_server):
    with pytest.raises(ConfigurationError, match="cannot listen on"), AwsServer(port=int(aws_server.url.split(":")[2])):
        pass

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends
from support.aws import QUICKLY, REGION
from support.processes import wait_until
from support.wire import PHONE, closing

from lumiere_sms.errors import ConfigurationError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action, Message
from lumiere_sms.providers.registry import make_provider
from lumiere_sms.providers.sns import SnsProvider
from lumiere_sms.settings import Settings
from lumiere_sms.testing.contract import Behaviour

BROKEN = [
    Behaviour.THROTTLES,
    Behaviour.FAILS_AFTER_ACCEPTING,
    Behaviour.CUTS_BEFORE_ACCEPTING,
    Behaviour.CUTS_AFTER_ACCEPTING,
    Behaviour.KEEPS_SILENT,
    Behaviour.TALKS_RUBBISH,
]


def text(sender: str = "default", body: str = "hello") -> Message:
    return Message(uuid4(), PHONE, sender, body, timedelta(minutes=10))


@pytest.mark.parametrize("behaviour", BROKEN)
@pytest.mark.parametrize("mode", ["legacy", "adaptive"])
def test_nothing_in_the_environment_makes_it_publish_twice(sns_world, aws_environment, tmp_path, behaviour, mode):
    aws_environment.setenv("AWS_MAX_ATTEMPTS", "5")
    aws_environment.setenv("AWS_RETRY_MODE", mode)
    (tmp_path / "config").write_text(f"[default]\nmax_attempts = 5\nretry_mode = {mode}\n")
    sns_world.behave(behaviour)
    provider = sns_world.provider()

    with pytest.raises((UnavailableError, UnknownOutcomeError)):
        closing(provider, provider.submit(text()))

    assert len(sns_world._front.published) == 1


@pytest.mark.parametrize(
    ("sender", "attribute"),
    [
        pytest.param("default", None, id="the account's own pool"),
        pytest.param("SALON", ["AWS.SNS.SMS.SenderID", "SALON"], id="a sender id"),
        pytest.param("+815012345678", ["AWS.MM.SMS.OriginationNumber", "+815012345678"], id="a number"),
    ],
)
def test_a_text_names_its_type_its_price_and_its_sender(sns_world, sender, attribute):
    provider = make_provider("sns", settings(LUMIERE_SMS_SNS_TYPE="Promotional", LUMIERE_SMS_SNS_MAX_PRICE="0.5"))

    closing(provider, provider.submit(text(sender)))

    (form,) = sns_world._front.published
    names = {form[key][0]: form[key.replace("Name", "Value.StringValue")][0] for key in form if key.endswith(".Name")}
    expected = {"AWS.SNS.SMS.SMSType": "Promotional", "AWS.SNS.SMS.MaxPrice": "0.50000"}
    assert names == expected | ({attribute[0]: attribute[1]} if attribute else {})


def test_the_list_of_refusals_is_read_to_its_end(sns_world):
    async def numbers() -> list[str]:
        return [number async for page in provider.list_opt_outs() for number in page]

    provider = sns_world.provider()

    found = closing(provider, numbers())

    assert found == sns_backends[DEFAULT_ACCOUNT_ID][REGION].opt_out_numbers


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param("AuthorizationError", "its settings may not be read", id="a lean policy"),
        pytest.param("InvalidClientTokenId", "the access key does not exist", id="no such key"),
    ],
)
def test_a_check_tells_a_lean_policy_from_wrong_credentials(sns_world, code, said):
    sns_world._front.refuses_reading = code
    provider = sns_world.provider()

    if code == "AuthorizationError":
        assert said in closing(provider, provider.check())
        return
    with pytest.raises(RejectedError, match=said):
        closing(provider, provider.check())


def test_a_long_list_of_refusals_comes_in_pages(sns_world):
    async def pages() -> list[list[str]]:
        return [list(page) async for page in provider.list_opt_outs()]

    sns_world._front.pages = [("+8190", "more"), ("+8191", "")]
    provider = sns_world.provider()

    assert closing(provider, pages()) == [["+8190"], ["+8191"]]


def test_a_check_reads_the_months_limit(sns_world):
    boto3.client("sns").set_sms_attributes(attributes={"MonthlySpendLimit": "20"})
    provider = sns_world.provider()

    assert "the account answers; it spends at most 20 USD a month" in closing(provider, provider.check())


def test_a_text_that_no_encoding_has_is_refused_and_nothing_is_published(sns_world):
    provider = sns_world.provider()

    with pytest.raises(RejectedError, match="no encoding has"):
        closing(provider, provider.submit(text(body="\ud800")))

    assert sns_world._front.published == []


def test_a_call_whose_credentials_took_too_long_is_not_begun(sns_world, aws_environment, tmp_path):
    until = datetime.now(UTC) + timedelta(minutes=1)  # so soon that they are renewed for every call
    keys = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "B", "Expiration": until.isoformat()}
    tool = tmp_path / "keys"
    tool.write_text(f"#!/bin/sh\n[ -e {tool}.again ] && sleep 1.1\ntouch {tool}.again\necho '{json.dumps(keys)}'\n")
    tool.chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {tool}\n")
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    aws_environment.delenv("AWS_SECRET_ACCESS_KEY")
    provider = sns_world.provider()

    with pytest.raises(UnavailableError, match="could not begin in time"):
        closing(provider, provider.submit(text()))

    assert sns_world._front.published == []


def test_credentials_that_cannot_be_had_any_more_leave_nothing_in_doubt(sns_world, aws_environment, tmp_path):
    keys = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "B", "Expiration": "2020-01-01T00:00:00Z"}
    (tmp_path / "keys").write_text(json.dumps(keys))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path}/keys\n")
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    aws_environment.delenv("AWS_SECRET_ACCESS_KEY")
    provider = sns_world.provider()

    with pytest.raises(UnavailableError, match="AWS cannot be asked") as caught:
        closing(provider, provider.submit(text()))

    assert caught.value.action == Action.PAUSE_PROVIDER
    assert sns_world._front.published == []


def test_a_call_for_which_there_is_no_thread_is_not_begun(sns_world, monkeypatch):
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    provider = sns_world.provider()
    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(UnavailableError, match="no thread"):
        closing(provider, provider.submit(text()))


def test_an_answer_that_nobody_waits_for_any_more_does_no_harm(sns_world):
    async def give_up() -> None:
        call = asyncio.create_task(provider.submit(text()))
        await asyncio.sleep(0)
        call.cancel()

    provider = sns_world.provider()

    closing(provider, give_up())

    wait_until(lambda: sns_world.accepted)


@pytest.mark.parametrize(
    ("without", "variables", "said"),
    [
        pytest.param("AWS_DEFAULT_REGION", {}, "no AWS region is set", id="no region"),
        pytest.param("AWS_ACCESS_KEY_ID", {"AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials", id="no credentials"),
        pytest.param("AWS_SECRET_ACCESS_KEY", {}, "AWS is not set up: Partial credentials", id="half of them"),
        pytest.param("AWS_PROFILE", {"AWS_PROFILE": "none"}, "profile (none) could not be found", id="no profile"),
        pytest.param("AWS_PROFILE", {"AWS_ENDPOINT_URL_SNS": "nowhere"}, "AWS is not set up: Invalid", id="no address"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(aws_environment, without, variables, said):
    aws_environment.delenv(without, raising=False)
    for name, value in variables.items():
        aws_environment.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        SnsProvider(**QUICKLY)

    assert said in str(caught.value)
    assert "AWS_" in caught.value.hint


def test_a_type_that_is_none_is_refused(aws_environment):
    with pytest.raises(ConfigurationError, match='LUMIERE_SMS_SNS_TYPE is "loud"'):
        make_provider("sns", settings(LUMIERE_SMS_SNS_TYPE="loud"))


def settings(**variables: str) -> Settings:
    return Settings.read(variables)

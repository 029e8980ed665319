import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from support.aws import AT_ONCE, ENVIRONMENT, AwsWorld, SnsFront, SnsWorld, sns_front
from support.wire import NOBODY, PHONE, new_provider

from lumiere_sms.providers.twilio import TwilioProvider
from lumiere_sms.testing.aws_server import AwsServer
from lumiere_sms.testing.contract import Behaviour
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal
from lumiere_sms.testing.twilio_server import (
    SANDBOX_SENDER,
    TwilioServer,
)

STEPS = {
    Behaviour.ACCEPTS: None,
    Behaviour.REJECTS: Refusal(21614),
    Behaviour.THROTTLES: Fault.THROTTLE,
    Behaviour.FAILS_AFTER_ACCEPTING: Fault.ERROR_AFTER,
    Behaviour.CUTS_BEFORE_ACCEPTING: Fault.CUT_BEFORE,
    Behaviour.CUTS_AFTER_ACCEPTING: Fault.CUT_AFTER,
    Behaviour.KEEPS_SILENT: Fault.SILENCE_AFTER,
    Behaviour.TALKS_RUBBISH: Fault.HTML_AFTER,
}


class TwilioWorld:
    sender = SANDBOX_SENDER
    phone = PHONE

    def __init__(self, server: TwilioServer) -> None:
        self._server = server
        self._url = server.url

    def provider(self) -> TwilioProvider:
        return new_provider(self._url, read_timeout=2.0)

    def behave(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.REFUSES_CONNECTIONS:
            self._url = NOBODY
            return
        step = STEPS[behaviour]
        self._server.behave(Faults(by_phone={PHONE: step}, deliver_after=timedelta(0)))

    def answer(self, body: str) -> None:
        self._server.reply(PHONE, body)

    @property
    def accepted(self) -> Sequence[str]:
        return [text.body for text in self._server.accepted]

    @property
    def today(self) -> date:
        return datetime.fromisoformat(self._server.accepted[-1].at).date()


@pytest.fixture
def server() -> Iterator[TwilioServer]:
    with TwilioServer(Faults(deliver_after=timedelta(0))) as server:
        yield server


@pytest.fixture
def world(server: TwilioServer) -> TwilioWorld:
    world = TwilioWorld(server)
    world.behave(Behaviour.ACCEPTS)
    return world


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


@pytest.fixture
def aws_server(aws_environment: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with AwsServer(Faults(deliver_after=AT_ONCE), hidden_for=AT_ONCE, longest_wait=AT_ONCE) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def aws_world(aws_server: AwsServer, aws_environment: pytest.MonkeyPatch) -> AwsWorld:
    return AwsWorld(aws_server, aws_environment.setenv)


@pytest.fixture(scope="session")
def started_sns_front() -> Iterator[SnsFront]:
    with sns_front() as front:
        yield front


@pytest.fixture
def sns_world(started_sns_front: SnsFront, aws_environment: pytest.MonkeyPatch) -> SnsWorld:
    return SnsWorld(started_sns_front, aws_environment.setenv)

import json
import logging
import re

import pytest

from lumiere_sms import logs


@pytest.fixture
def lines(capsys):
    def read() -> list[str]:
        return capsys.readouterr().err.splitlines()

    yield read
    logs.logger.handlers.clear()
    logs.logger.propagate = True


def test_an_event_is_one_plain_line(lines):
    logs.set_up()

    logs.event("launched", campaign="spring", recipients=3)

    (line,) = lines()
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ launched campaign=spring recipients=3", line)


def test_an_event_is_one_json_object_where_that_is_wanted(lines):
    logs.set_up(as_json=True)

    logs.event("launched", campaign="春", recipients=3)

    (line,) = [json.loads(line) for line in lines()]
    assert line.pop("at")
    assert line == {"level": "info", "event": "launched", "campaign": "春", "recipients": 3}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_bug_is_logged_with_its_traceback(lines, as_json):
    logs.set_up(as_json=as_json)

    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logs.logger.exception("job failed")

    assert "ZeroDivisionError" in "\n".join(lines())


def test_what_the_sdk_says_of_a_request_is_not_logged(lines):
    logs.set_up()

    assert not logging.getLogger("twilio.http_client").isEnabledFor(logging.INFO)

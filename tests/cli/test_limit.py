import json

import pytest
from support.processes import environment, run


@pytest.fixture
def command(database_url, tmp_path):
    sender = {"LUMIERE_SMS_TWILIO_FROM": "+15005550006", "LUMIERE_SMS_PROVIDER": "twilio"}

    def call(*arguments: str):
        return run(*arguments, env=environment(tmp_path, database_url=database_url, **sender))

    return call


def test_a_limit_that_is_set_is_shown_with_who_set_it(command):
    done = command("tenant", "create", "ginza", "--sender", "+15005550007")
    assert done.returncode == 0, done.stderr
    command("tenant", "use", "ginza")

    done = command("limit", "set", "+15005550007", "--per-second", "2.5", "--per-day", "2000", "--by", "kimura")

    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(command("limit", "show", "--json").stdout)
    assert (shown["per_second"], shown["per_day"], shown["left_today"]) == (2.5, 2000, 2000)
    table = command("limit", "show").stdout
    assert "2.5 a second" in table
    assert "2,000 a day (Asia/Tokyo)" in table
    assert "set by kimura" in table


def test_a_limit_of_nothing_and_a_limit_of_nobody_are_refused(command):
    nothing = command("limit", "set", "+15005550006", "--per-second", "0")
    nobody = command("limit", "set", "--per-second", "1")

    assert (nothing.returncode, nobody.returncode) == (2, 2)
    assert '"0" parts a second is no pace' in nothing.stderr
    assert "name one: a sender, --tenant, or --campaign" in nobody.stderr


def test_the_sender_that_is_set_can_be_limited_before_its_first_text(command):
    done = command("limit", "set", "+15005550006", "--per-day", "200", "--by", "kimura")

    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(command("limit", "show", "--json").stdout)
    assert (shown["name"], shown["per_day"]) == ("+15005550006", 200)
    assert shown["why"].endswith("JST")


def test_the_sender_of_another_business_cannot_be_limited(command):
    command("tenant", "create", "ginza", "--sender", "+15005550006")
    command("tenant", "create", "ueno")
    command("tenant", "use", "ueno")

    done = command("limit", "set", "+15005550006", "--per-day", "200")

    assert done.returncode == 6
    assert 'you have no sender "+15005550006" at twilio' in done.stderr

import json

import pytest
from support.processes import environment, run

from lumiere_sms.sending import standings

ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "5a" * 16, "TWILIO_AUTH_TOKEN": "5e" * 16}


@pytest.fixture
def provider(database_url, tmp_path):
    def call(*arguments: str, **more: str):
        given = {"LUMIERE_SMS_PROVIDER": "console,twilio", "LUMIERE_SMS_TWILIO_FROM": "+15005550006", **more}
        return run("provider", *arguments, env=environment(tmp_path, database_url=database_url, **given))

    return call


@pytest.fixture
def known(database):
    for name in ("console", "twilio"):
        standings.register(database, name)


@pytest.mark.usefixtures("known")
def test_the_list_shows_in_order_what_goes_through_whom_and_why_not(database, clock, provider):
    with database.transaction() as connection:
        standings.leave_alone(connection, "twilio", reason="no connection", now=clock.now())

    listed = json.loads(provider("list", "--json").stdout)

    assert [(each["place"], each["name"], each["why_not"]) for each in listed] == [
        (1, "console", ""),
        (2, "twilio", "twilio is left alone: no connection"),
    ]
    assert (listed[1]["sender"], listed[1]["price"], listed[1]["currency"]) == ("+15005550006", "0.0842", "USD")
    assert "is left alone: no connection" in provider("list").stdout


def test_a_check_says_what_each_provider_answered_and_keeps_it(provider):
    done = provider("check", "console", "--json")

    assert (done.returncode, json.loads(done.stdout)[0]["is_well"]) == (0, True)
    (console, _) = json.loads(provider("list", "--json").stdout)
    assert console["checked_at"] is not None


def test_a_check_of_a_provider_that_does_not_answer_ends_with_7(provider):
    done = provider("check", "twilio", LUMIERE_SMS_TWILIO_BASE_URL="http://127.0.0.1:1", **ACCOUNT)

    assert done.returncode == 7
    assert "cannot be reached" in done.stdout


def test_of_several_providers_each_is_checked_whatever_another_lacks(provider):
    done = provider("check", "--json")

    assert done.returncode == 7, done.stderr
    found = [(each["name"], each["is_well"]) for each in json.loads(done.stdout)]
    assert found == [("console", True), ("twilio", False)]


def test_a_provider_in_use_can_be_drained_before_its_first_text(provider):
    done = provider("drain", "twilio")

    assert done.returncode == 0, done.stderr
    assert "is drained" in provider("list").stdout


@pytest.mark.usefixtures("known")
def test_a_provider_is_drained_and_enabled_and_both_are_kept(database, provider):
    assert provider("drain", "twilio", "--by", "ken").returncode == 0
    drained = json.loads(provider("list", "--json").stdout)[1]
    assert provider("enable", "twilio").returncode == 0
    enabled = json.loads(provider("list", "--json").stdout)[1]

    assert (drained["why_not"], enabled["why_not"]) == ("twilio is drained", "")
    with database.transaction() as connection:
        kept = connection.execute("SELECT actor, action, subject FROM audit_log ORDER BY id").fetchall()
    assert [each["action"] for each in kept] == ["provider.drain", "provider.enable"]
    assert (kept[0]["actor"], kept[0]["subject"]) == ("ken", "twilio")


def test_a_provider_that_was_never_in_use_cannot_be_drained(provider):
    done = provider("drain", "pigeon")

    assert done.returncode == 6
    assert 'no provider "pigeon" is or was in use here' in done.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        pytest.param("LUMIERE_SMS_PROVIDER", "twilio:70,console", "every provider a weight", id="weights"),
        pytest.param("LUMIERE_SMS_ROUTING", "random", "no way to share texts out", id="routing"),
    ],
)
def test_a_route_that_is_none_is_refused_before_anything_runs(database_url, tmp_path, setting, value, said):
    given = {"LUMIERE_SMS_PROVIDER": "console", "LUMIERE_SMS_TWILIO_FROM": "+15005550006", **ACCOUNT, setting: value}
    done = run("run", "--once", env=environment(tmp_path, database_url=database_url, **given))

    assert done.returncode == 4
    assert setting in done.stderr
    assert said in done.stderr

"""The list of what an engineer gets wrong, or a machine does: one clear sentence each, and nothing sent."""

import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from support.processes import other_side_of_the_clock
from support.salon import rows
from support.seeds import seed_campaign

from lumiere_sms.__main__ import main
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, SANDBOX_AUTH_TOKEN, SANDBOX_SENDER, TwilioServer

DISK_FULL = """
    CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE disk_full USING MESSAGE = ''No space left on device''; END';
    CREATE TRIGGER full_disk BEFORE UPDATE ON campaign_recipients FOR EACH ROW EXECUTE FUNCTION fill();
"""


@pytest.fixture
def provider():
    with TwilioServer() as server:
        yield server


@pytest.fixture
def command(monkeypatch, capsys, database_url, tmp_path, provider):
    """The command line, run in this process: its exit code and what it says on stderr."""
    monkeypatch.setenv("LUMIERE_SMS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SANDBOX_ACCOUNT_SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", SANDBOX_AUTH_TOKEN)
    monkeypatch.setenv("LUMIERE_SMS_TWILIO_BASE_URL", provider.url)
    monkeypatch.setenv("LUMIERE_SMS_TWILIO_FROM", SANDBOX_SENDER)
    monkeypatch.setattr("lumiere_sms.sending.dispatcher.Dispatcher.reconnect", 0.01)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["lumiere-sms", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.fixture
def spring(database, user_id):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=3, quiet_hours=other_side_of_the_clock())


@pytest.mark.usefixtures("spring")
@pytest.mark.parametrize("parts", ["0", "-1", "1e400", "99999999999", "many"])
@pytest.mark.parametrize("window", ["--per-second", "--per-minute", "--per-day"])
def test_a_limit_of_nothing_or_of_an_absurd_number_is_refused(database, command, window, parts):
    code, said = command("limit", "set", SANDBOX_SENDER, f"{window}={parts}")

    assert code in {2, 5}
    assert parts.strip("-") in said
    assert "Traceback" not in said
    assert rows(database, "pace_limits", order="sender") == []


@pytest.mark.usefixtures("spring")
@pytest.mark.parametrize(
    ("settings", "arguments", "code", "said"),
    [
        pytest.param({"PROVIDER": "pigeon"}, ["run", "--once"], 4, 'no provider "pigeon"', id="no such provider"),
        pytest.param({"PROVIDER": "twilio,pigeon"}, ["run", "--once"], 4, '"pigeon"', id="one of them is none"),
        pytest.param({"ROUTING": "fastest"}, ["run", "--once"], 4, "fastest", id="no such routing"),
        pytest.param({}, ["provider", "drain", "pigeon"], 6, "pigeon", id="drain what is none"),
        pytest.param({"SLOTS": "0"}, ["run", "--once"], 4, "LUMIERE_SMS_SLOTS is 0", id="no slots"),
        pytest.param({"PARTS_PER_SECOND": "-1"}, ["run", "--once"], 4, "PARTS_PER_SECOND is -1", id="a pace below 0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence_and_nobody_is_texted(
    command, provider, monkeypatch, settings, arguments, code, said
):
    for name, value in settings.items():
        monkeypatch.setenv(f"LUMIERE_SMS_{name}", value)

    ended, told = command(*arguments)

    assert (ended, provider.request_count) == (code, 0), told
    assert said in told
    assert "Traceback" not in told


@pytest.mark.usefixtures("spring")
def test_a_database_that_takes_no_writes_ends_a_pass_with_a_sentence(command, database_url, provider):
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))

    code, said = command("run", "--once")

    assert (code, provider.request_count) == (4, 0)
    assert "error: the database takes no writes" in said
    assert "is it a replica?" in said


@pytest.mark.usefixtures("spring")
def test_a_full_disk_ends_a_pass_with_a_sentence(command, database_url, provider):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(DISK_FULL)

    code, said = command("run", "--once")

    assert (code, provider.request_count) == (4, 0)
    assert "error: the disk of the database is full: No space left on device\nhint: make room on it" in said


def test_a_price_of_0_costs_nothing_and_sends_all_the_same(database, command, provider, monkeypatch, tmp_path, spring):
    prices = tmp_path / "prices.toml"
    prices.write_text('[twilio]\ncurrency = "USD"\nas_of = 2026-11-01\ndefault = "0"\ncountries = { JP = "0" }\n')
    monkeypatch.setenv("LUMIERE_SMS_PRICES", str(prices))
    monkeypatch.setenv("LUMIERE_SMS_PARTS_PER_SECOND", "100")

    provider.behave(Faults(deliver_after=timedelta(hours=1)))  # and says no price of its own until then

    code, said = command("run", "--once")

    assert (code, len(provider.accepted)) == (0, 3), said
    assert {row["cost"] for row in rows(database, "campaign_recipients")} == {0}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["plan"], 3, id="plan"),
        pytest.param(["validate"], 3, id="validate"),
        pytest.param(["customer", "import"], 3, id="a list of customers"),
        pytest.param(["consent", "import"], 3, id="a list of consents"),
        pytest.param(["suppression", "import"], 3, id="a list of numbers"),
        pytest.param(["send", "--message", "Hello", "--csv"], 3, id="a list to send to"),
        pytest.param(["customer", "export"], 4, id="an export"),
        pytest.param(["suppression", "export"], 4, id="an export of numbers"),
        pytest.param(["db", "backup"], 4, id="a backup"),
        pytest.param(["init"], 4, id="a starter"),
    ],
)
def test_a_file_that_the_system_does_not_let_one_look_at_is_told_in_one_sentence(command, tmp_path, arguments, code):
    file = tmp_path / f"{'x' * 300}.yaml"  # as a folder that may not be entered; root enters all

    ended, said = command(*arguments, str(file))

    assert (ended, "Traceback" in said) == (code, False), said
    assert file.name in said


def test_settings_that_the_system_does_not_let_one_look_at_are_told_in_one_sentence(command, monkeypatch):
    monkeypatch.setenv("LUMIERE_SMS_SETTINGS", "x" * 300)

    code, said = command("status")

    assert (code, "x" * 300 in said) == (4, True), said


@pytest.mark.usefixtures("spring")
def test_an_absurd_number_of_recipients_is_a_wrong_command_line(command):
    code, said = command("campaign", "recipients", "spring", "--json", "--limit", "9" * 21)

    assert (code, "Traceback" in said) == (2, False), said

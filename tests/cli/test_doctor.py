import json

import pytest
from support.processes import environment, run

from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.database.connection import Database
from lumiere_sms.database.secrets import key_of
from lumiere_sms.database.tenants import create_tenant
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer


@pytest.fixture
def server():
    with TwilioServer() as server:
        yield server


LINK = {"opt_out_url": "https://s.example/"}


@pytest.fixture
def checked(call, monkeypatch):
    def look(name, **environ):
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        _, out, _ = call("doctor", "--json")
        return next((each for each in json.loads(out) if each["name"] == name), None)

    return look


def test_where_nobody_could_refuse_it_is_said_and_what_would_help(checked, database, database_url, server, tmp_path):
    env = environment(tmp_path, database_url=database_url, server=server)
    before = checked("refusals", **env)
    change_rules(database, "default", LINK, by="sato", now=None)

    after = checked("refusals", **env)

    assert "--opt-out-url" in before["hint"]
    assert (after["said"], after["hint"]) == ("links lead to https://s.example/", "")


def test_another_secret_than_links_were_made_with_is_told(checked, database, database_url, user_id, server, tmp_path):
    env = environment(tmp_path, database_url=database_url, server=server)
    none = checked("secret", **env)
    change_rules(database, "default", LINK, by="sato", now=None)
    unset = checked("secret", **env)
    other = Database(database_url, secret="one")
    with other.transaction() as connection:
        key_of(connection, user_id, "link")
    other.close()

    told = [checked("secret", **env, LUMIERE_SMS_SECRET=each) for each in ("one", "two", "")]

    assert none is None
    assert "before the first launch" in unset["hint"]
    assert [each["is_well"] for each in told] == [True, False, False]


def test_all_is_well(database_url, server, tmp_path):
    done = run("doctor", env=environment(tmp_path, database_url=database_url, server=server))

    assert done.returncode == 0, done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if "→" not in line] == [
        ["ok", name]
        for name in ("database", "schema", "writes", "durability", "clock", "credentials", "sender", "refusals")
    ]


@pytest.mark.parametrize(
    ("wrong", "check", "hint"),
    [
        pytest.param({"TWILIO_AUTH_TOKEN": "0" * 32}, "credentials", "TWILIO_AUTH_TOKEN", id="refused credentials"),
        pytest.param({"TWILIO_ACCOUNT_SID": ""}, "credentials", "TWILIO_ACCOUNT_SID", id="missing credentials"),
        pytest.param({"LUMIERE_SMS_TWILIO_FROM": ""}, "sender", "LUMIERE_SMS_TWILIO_FROM", id="no sender"),
        pytest.param(
            {"LUMIERE_SMS_TWILIO_BASE_URL": "http://127.0.0.1:9"},
            "credentials",
            "LUMIERE_SMS_TWILIO_BASE_URL",
            id="a provider out of reach",
        ),
        pytest.param(
            {"LUMIERE_SMS_PROVIDER": "pigeon"}, "credentials", "one or several of twilio", id="no such provider"
        ),
        pytest.param({"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "database", "DATABASE_URL", id="no database"),
    ],
)
def test_a_planted_fault_is_reported_with_its_mend(database_url, server, tmp_path, wrong, check, hint):
    env = {**environment(tmp_path, database_url=database_url, server=server), **wrong}

    done = run("doctor", "--json", env=env)

    bad = {each["name"]: each for each in json.loads(done.stdout) if not each["is_well"]}
    assert done.returncode == 4
    assert check in bad
    assert hint in bad[check]["hint"]


def test_a_database_without_the_schema_is_told_what_to_type(server_url, server, tmp_path):
    done = run("doctor", env=environment(tmp_path, database_url=server_url, server=server))

    assert done.returncode == 4
    assert "lumiere-sms db upgrade" in done.stdout


def test_asynchronous_commit_is_found(database_url, server, tmp_path):
    url = f"{database_url} options='-c synchronous_commit=off'"

    done = run("doctor", env=environment(tmp_path, database_url=url, server=server))

    assert "BAD  durability" in done.stdout


def test_a_database_that_takes_no_writes_is_found(database_url, server, tmp_path):
    url = f"{database_url} options='-c default_transaction_read_only=on'"

    done = run("doctor", env=environment(tmp_path, database_url=url, server=server))

    assert done.returncode == 4
    assert "BAD  writes       the database takes no writes" in done.stdout


def test_a_role_that_may_not_write_is_found(database, database_url, server, tmp_path):
    with database.transaction() as connection:
        connection.execute("CREATE ROLE doctor_reader")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO doctor_reader")
    try:
        url = f"{database_url} options='-c role=doctor_reader'"

        done = run("doctor", env=environment(tmp_path, database_url=url, server=server))

        assert 'BAD  writes       the role "doctor_reader" may not write to alerts, ' in done.stdout
    finally:
        with database.transaction() as connection:
            connection.execute("DROP OWNED BY doctor_reader")
            connection.execute("DROP ROLE doctor_reader")


def test_a_sender_of_another_tenant_is_found(database, database_url, server, tmp_path):
    other = create_tenant(database, "ginza")
    register_senders(database, provider="twilio", default_sender=SANDBOX_SENDER, parts_per_second=1)
    with database.transaction() as connection:
        connection.execute("UPDATE pace_limits SET owner = %s", [other.id])

    done = run("doctor", env=environment(tmp_path, database_url=database_url, server=server))

    assert done.returncode == 4
    assert f'BAD  sender       {SANDBOX_SENDER} sends for the tenant "ginza"' in done.stdout


def test_each_of_several_providers_is_looked_at(database_url, server, tmp_path):
    env = environment(tmp_path, database_url=database_url, server=server)
    env |= {"LUMIERE_SMS_PROVIDER": "console,twilio", "LUMIERE_SMS_ROUTING": "sideways", "TWILIO_AUTH_TOKEN": "0" * 32}

    done = run("doctor", env=env)

    assert done.returncode == 4
    assert "ok   credentials  console:" in done.stdout
    assert "BAD  credentials  twilio: Twilio answered 401" in done.stdout
    assert f"ok   sender       twilio: texts come from {SANDBOX_SENDER}" in done.stdout
    assert 'BAD  routing      LUMIERE_SMS_ROUTING: "sideways"' in done.stdout

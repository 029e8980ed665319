import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumiere_sms.database.embedded import Cluster
from lumiere_sms.database.schema import head


@pytest.fixture
def command(call):
    return call


@pytest.fixture
def external(monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def stopped_afterwards(tmp_path: Path):
    yield
    Cluster(tmp_path / "data").stop()


@pytest.mark.usefixtures("stopped_afterwards")
def test_the_embedded_server_is_upgraded_shown_and_stopped(command, tmp_path: Path):
    before = json.loads(command("db", "status", "--json")[1])
    upgraded = command("db", "upgrade")
    shown = json.loads(command("db", "status", "--json")[1])
    stopped = command("db", "stop")
    again = command("db", "stop")

    assert (before["server"], before["running"], before["schema"]) == ("embedded", False, None)
    assert upgraded[0] == 0
    assert upgraded[2].endswith(f"the schema is now {head()}\n")
    assert (shown["running"], shown["schema"], shown["needed_schema"]) == (True, head(), head())
    assert shown["place"] == f"{Cluster(tmp_path / 'data').status().socket}:5432/lumiere_sms"
    assert stopped == (0, "", "the embedded server has stopped\n")
    assert again == (0, "", "the embedded server was not running\n")


@pytest.mark.usefixtures("stopped_afterwards")
def test_a_command_on_an_empty_database_names_the_upgrade(command):
    started = command("db", "start")

    code, _, said = command("tenant", "list")

    assert started[2].endswith("the embedded server runs\n")
    assert code == 4
    assert said.endswith("hint: lumiere-sms db upgrade\n")


@pytest.mark.usefixtures("external")
def test_a_server_of_its_own_is_neither_started_nor_stopped(command):
    for verb in ("start", "stop"):
        code, out, said = command("db", verb)

        assert (code, out) == (0, "")
        assert said == f"DATABASE_URL names a server of its own; there is nothing to {verb}\n"


@pytest.mark.usefixtures("external")
def test_the_status_is_facts_for_people(command):
    code, out, _ = command("db", "status")

    facts = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("needed"))
    assert code == 0
    assert (facts["server"], facts["running"], facts["schema"]) == ("external", "yes", head())


@pytest.mark.usefixtures("external")
def test_an_upgrade_that_changes_nothing_says_so(command):
    assert command("db", "upgrade") == (0, "", f"the schema is {head()}, as before\n")


@pytest.mark.usefixtures("external")
def test_a_backup_goes_to_the_named_file_or_to_one_with_the_date(command, tmp_path: Path):
    named, dated = command("db", "backup", "monday.dump"), command("db", "backup")

    assert named[:2] == (0, "monday.dump\n")
    assert "pg_restore" in named[2]
    assert dated[0] == 0
    assert (tmp_path / dated[1].strip()).stat().st_size > 0
    assert command("db", "backup", "monday.dump")[0] == 6


def test_a_shell_becomes_psql(database_url: str, tmp_path: Path):
    environment = {**os.environ, "DATABASE_URL": database_url, "LUMIERE_SMS_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "lumiere_sms", "db", "shell"],
        input="\\pset format unaligned\nSELECT slug FROM users;",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "slug\ndefault\n(1 row)" in ended.stdout


@pytest.mark.usefixtures("external")
def test_a_tenant_is_created_listed_and_used(command, tmp_path: Path):
    created = command("tenant", "create", "ginza", "--name", "Salon Ginza", "--sender", "+815012345678")
    used = command("tenant", "use", "ginza")
    listed = json.loads(command("tenant", "list", "--json")[1])
    table = command("tenant", "list")[1]

    assert created[0] == used[0] == 0
    assert (tmp_path / "data" / "tenant").read_text() == "ginza\n"
    assert [(tenant["slug"], tenant["in_use"]) for tenant in listed] == [("default", False), ("ginza", True)]
    assert listed[1]["name"] == "Salon Ginza"
    assert "Salon Ginza" in table


@pytest.mark.usefixtures("external")
def test_a_tenant_that_does_not_exist_is_not_used(command):
    code, _, said = command("tenant", "use", "nix")

    assert code == 6
    assert said == 'error: there is no tenant "nix"\nhint: lumiere-sms tenant list\n'


@pytest.mark.parametrize("group", ["db", "tenant"])
def test_every_command_ends_its_help_with_an_example(command, group: str):
    verbs = {"db": ["upgrade", "status", "start", "stop", "backup", "shell"], "tenant": ["create", "list", "use"]}

    for verb in verbs[group]:
        assert f"Example: lumiere-sms {group} {verb}" in command(group, verb, "--help")[1]

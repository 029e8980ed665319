import json

import pytest
from support.processes import environment, run


@pytest.fixture
def command(database_url, tmp_path):
    def call(*arguments: str, **more: str):
        return run(*arguments, env=environment(tmp_path, database_url=database_url, **more))

    return call


def test_the_tenant_that_use_chose_is_the_one_of_later_commands(command):
    command("tenant", "create", "ginza", "--name", "Salon Ginza")

    assert command("tenant", "use", "ginza").returncode == 0

    listed = json.loads(command("tenant", "list", "--json").stdout)
    assert {each["slug"]: each["in_use"] for each in listed} == {"default": False, "ginza": True}


def test_what_set_changed_is_listed(command):
    command("tenant", "create", "ginza", "--sender", "+815012345678", "--sender", "aws=SALON")

    done = command("tenant", "set", "ginza", "--providers", "twilio:70,aws:30", "--routing", "weighted")

    assert done.returncode == 0, done.stderr
    (_, ginza) = json.loads(command("tenant", "list", "--json").stdout)
    assert (ginza["providers"], ginza["routing"]) == (["twilio:70", "aws:30"], "weighted")
    assert (ginza["sender"], ginza["senders"]) == ("+815012345678", {"aws": "SALON"})
    assert "twilio:70, aws:30" in command("tenant", "list", COLUMNS="200").stdout


def test_the_list_can_be_read_where_the_tenant_in_use_does_not_exist(command):
    gone = {"LUMIERE_SMS_TENANT": "gone"}

    assert command("customer", "list", **gone).returncode == 6
    done = command("tenant", "list", **gone)

    assert done.returncode == 0, done.stderr
    assert "default" in done.stdout


@pytest.mark.parametrize("arguments", [["customer", "list"], ["status"], ["campaign", "list"], ["doctor"], ["--help"]])
def test_with_one_tenant_nobody_sees_the_word(command, arguments):
    done = command(*arguments)

    assert "tenant" not in (done.stdout + done.stderr).replace("tenant    Businesses", "")

import json
import re

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


def test_a_frequency_cap_is_set_shown_and_taken_back(command):
    done = command(
        "tenant", "set", "default", "--cap", "promotional: 1 per 7 days, exclude", "--cap", "drip: 2 per week"
    )
    shown = command("tenant", "show").stdout
    taken_back = command("tenant", "set", "default", "--cap", "promotional: none")
    rules = json.loads(command("tenant", "show", "--json").stdout)["rules"]

    assert (done.returncode, taken_back.returncode) == (0, 0), done.stderr
    assert "1 to one person per 7d; more are left out" in shown
    assert rules["frequency_caps"] == {"drip": {"most": 2, "within": "7d", "then": "postpone"}}


@pytest.mark.parametrize(
    ("cap", "said"),
    [
        pytest.param("promotional: 0 per 7d", "0 is too small", id="none at all"),
        pytest.param("promo: 1 per 7d", 'did you mean "promotional"?', id="no type"),
        pytest.param("promotional: 1 per fortnight", '"fortnight" is no time', id="no time"),
    ],
)
def test_a_frequency_cap_that_is_none_is_refused_with_a_hint(command, cap, said):
    done = command("tenant", "set", "default", "--cap", cap)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_opt_out_address_is_set_shown_and_taken_back_and_a_wrong_one_refused(command):
    wrong = command("tenant", "set", "default", "--opt-out-url", "http://s.example/?who=")
    done = command("tenant", "set", "default", "--opt-out-url", "https://s.example")
    shown = command("tenant", "show").stdout
    command("tenant", "set", "default", "--opt-out-url", "default")
    rules = json.loads(command("tenant", "show", "--json").stdout)["rules"]

    assert (wrong.returncode, "must begin with https://" in wrong.stderr) == (2, True)
    assert (done.returncode, "https://s.example/…" in shown) == (0, True)
    assert rules["opt_out_url"] is None


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

    assert "tenant" not in re.sub("tenant +Businesses", "", done.stdout + done.stderr)


def test_what_is_texted_by_itself_is_shown_and_is_a_text_that_everybody_can_get(command):
    done = command("tenant", "set", "--double-opt-in", "--opt-in-request", "May we?", "--answer", "help=03-1234-5678")
    shown = command("tenant", "show").stdout
    refused = [
        command("tenant", "set", *each).stderr
        for each in (
            ("--answer", "stop={{ discount }}"),
            ("--opt-in-request", ""),
            ("--opt-in-request", "{{ lastname }}"),
        )
    ]

    assert "they hold at once" in done.stderr
    assert "confirmed by text" in shown
    assert re.search("request +May we", shown)
    assert re.search("answer to help +03-1234-5678", shown)
    assert [each.splitlines()[0].partition(": ")[2] for each in refused] == [
        'the answer to stop: not everybody has a "discount"',
        "the request has no text",
        'the request: not everybody has a "lastname"',
    ]


def test_what_set_says_of_windows_and_quiet_hours_is_shown_by_type(command):
    done = command("tenant", "set", "--window", "promotional=10:00-12:00,15:00-16:30", "--quiet-hours", "18:00-9:00")

    assert done.returncode == 0, done.stderr
    shown = command("tenant", "show", COLUMNS="80").stdout
    assert re.search(r"quiet hours +18:00-09:00", shown)
    assert re.search(r"promotional +10:00-12:00, 15:00-16:30 +you", shown)
    assert re.search(r"reminder +never: 18:00-19:00 is quiet +the package", shown)
    told = json.loads(command("tenant", "show", "default", "--json").stdout)
    assert told["rules"]["quiet_hours"] == "18:00-09:00"
    assert told["windows"]["promotional"]["window"] == ["10:00-12:00", "15:00-16:30"]
    assert told["windows"]["blast"] == {"window": None, "is_own": False, "ever_opens": True}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--window", "promo=9:00-11:00"], 2, '"promo" is not a type\nhint: did you mean "promotional"?'),
        (["--window", "promotional=9-11"], 2, '"9-11" is not a window of the day; write HH:MM-HH:MM'),
        (["--quiet-hours", "00:00-24:00"], 5, "no blast text could ever leave"),
        ([], 2, "name what to change"),
    ],
)
def test_rules_that_are_none_get_a_sentence(command, arguments, code, said):
    done = command("tenant", "set", *arguments)

    assert done.returncode == code
    assert said in done.stderr

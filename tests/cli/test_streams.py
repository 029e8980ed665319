import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import environment

JAPANESE = "name,phone\n田中 花子,090-1234-5678\n"


@pytest.fixture
def shell(database_url, tmp_path):
    """A command line of a shell, so that what it closes, fills and pipes is what a user's would."""

    def run(line: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
        env = {**environment(tmp_path, database_url=database_url), **more}
        env["sms"] = f"{sys.executable} -m lumiere_sms"
        return subprocess.run(["bash", "-c", line], env=env, cwd=tmp_path, capture_output=True, check=False)

    (tmp_path / "list.csv").write_text(JAPANESE, encoding="utf-8")
    return run


def test_results_go_to_stdout_and_the_rest_to_stderr(shell):
    done = shell("$sms customer import list.csv --json")

    assert json.loads(done.stdout)["created"] == 1


@pytest.mark.parametrize("command", ["tenant list", "customer list --json", "status", "schema", "guide sending"])
def test_a_reader_that_stops_reading_causes_no_traceback(shell, command):
    done = shell(f"$sms {command} | head -c 1")

    assert done.stderr == b""


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_does_no_harm(shell, stream):
    done = shell(f"$sms customer list {stream}")

    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["customer export", "customer export /dev/full", "status", "schema", "--help"])
def test_a_full_disk_below_the_output_is_said(shell, command):
    done = shell(f"$sms {command} > /dev/full")

    assert done.returncode == 4
    assert b"Traceback" not in done.stderr
    assert b"full" in done.stderr


def test_japanese_is_written_as_utf_8_whatever_the_locale(shell):
    shell("$sms customer import list.csv")

    done = shell("$sms customer list", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert "田中 花子" in done.stdout.decode()


@pytest.mark.parametrize("command", ["customer show", "campaign show", "customer list --search"])
def test_an_argument_that_is_not_utf_8_is_a_wrong_command_line(shell, command):
    done = shell(f"$sms {command} $'\\xff'")

    assert (done.returncode, done.stderr.splitlines()[0]) == (2, b"error: an argument is not UTF-8")


def test_a_list_may_have_a_name_that_is_not_utf_8(shell, tmp_path):
    name = "顧客.csv".encode("shift_jis")
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_text(JAPANESE, encoding="utf-8")

    done = shell("$sms customer import $'\\x8c\\xda\\x8b\\x71.csv'")

    assert done.returncode == 0, done.stderr


def test_no_control_character_of_a_list_reaches_the_terminal(shell):
    shell("$sms customer import list.csv; $sms customer set 090-1234-5678 $'attributes.note=\\e[31mred'")

    done = shell("$sms customer show 090-1234-5678")

    assert "note" in done.stdout.decode()
    assert b"\x1b" not in done.stdout


def test_an_export_that_fails_leaves_the_file_as_it_was(shell, tmp_path):
    before = (tmp_path / "list.csv").read_text(encoding="utf-8")

    done = shell("$sms customer export list.csv", DATABASE_URL="postgresql://127.0.0.1:9/x")

    assert done.returncode == 4
    assert (tmp_path / "list.csv").read_text(encoding="utf-8") == before


def test_an_export_into_a_folder_that_is_not_there_is_said(shell):
    done = shell("$sms customer export nowhere/list.csv")

    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr == b"error: nowhere/list.csv cannot be written: No such file or directory\n"


def test_a_table_on_a_narrow_terminal_is_whole_but_for_what_it_says_it_left_out(shell, database_url, tmp_path):
    shell("$sms customer import list.csv")
    env = environment(tmp_path, database_url=database_url, COLUMNS="60", TERM="dumb")
    ours, terminal = pty.openpty()

    command = [sys.executable, "-m", "lumiere_sms", "customer", "list"]
    done = subprocess.run(command, env=env, stdout=terminal, stderr=subprocess.PIPE, check=True)

    lines = os.read(ours, 10_000).decode().splitlines()
    assert lines[0].split() == ["name", "phone", "visits", "sales", "texts"]
    assert lines[2].split() == ["田中", "花子", "+81········78", "0", "0", "reminders"]
    assert done.stderr == b"left out, since this terminal is narrow: id\n"

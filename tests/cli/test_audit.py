import json
from subprocess import CompletedProcess

import pytest
from support.processes import environment, running, wait_until

from lumiere_sms.database.audit import record


@pytest.fixture
def audit(command):
    return lambda *arguments: CompletedProcess(arguments, *command("audit", *arguments))


@pytest.fixture
def note(database, user_id, clock):
    def write(action: str, subject: str = "spring"):
        with database.transaction() as connection:
            states = {"before": {"status": "running"}, "after": {"status": "paused"}}
            about = {"actor": "hanako", "action": action, "subject": subject, "reason": "wrong text"}
            record(connection, user_id, **about, **states, now=clock.now())

    return write


def test_entries_are_shown_newest_last_and_by_what_is_asked(audit, note):
    for action in ("campaign.pause", "template.delete", "campaign.resume"):
        note(action)
    note("campaign.pause", "summer")

    shown, one = audit("tail"), audit("tail", "-n", "1", "--action", "campaign.*", "--subject", "spring", "--json")

    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3", "4"]
    assert "2026-03-15 10:00" in lines[2]
    assert "hanako" in lines[2]
    assert "status: running → paused" in lines[2]
    document = json.loads(one.stdout)
    assert (document["seq"], document["action"], document["after"]) == (3, "campaign.resume", {"status": "paused"})
    assert len(document["hash"]) == 64


def test_of_two_sides_only_the_values_that_differ_are_shown(audit, database, user_id, clock):
    states = {"before": {"holidays": "JP", "max_parts": 2}, "after": {"holidays": "JP", "max_parts": 3}}
    about = {"actor": "hanako", "action": "tenant.rules", "subject": "default", "reason": None}
    with database.transaction() as connection:
        record(connection, user_id, **about, **states, now=clock.now())

    (line,) = audit("tail").stdout.splitlines()[2:]

    assert line.endswith("  max_parts: 2 → 3")


def test_entries_since_a_time_are_shown_and_what_is_no_time_is_told(audit, note):
    note("campaign.pause")

    before, after, never = (audit("tail", "--since", time) for time in ("2026-03-15 10:00", "2026-03-16", "soon"))

    assert "campaign.pause" in before.stdout
    assert (after.stdout, after.stderr) == ("", "no entries\n")
    assert never.returncode == 2
    assert '"soon" is no duration and no time' in " ".join(never.stderr.replace("│", " ").split())


def test_what_is_noted_from_now_on_is_followed(note, database_url, tmp_path):
    note("campaign.pause")

    arguments = ("audit", "tail", "--follow", "--json", "-n", "1", "--action", "campaign.*")
    with running(*arguments, env=environment(tmp_path, database_url=database_url)) as process:
        first = json.loads(process.stdout.readline())
        for action in ("template.delete", "campaign.resume", "campaign.cancel"):
            note(action)
        more = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(2)
        wait_until(lambda: process.poll() is not None)

    assert [each["action"] for each in (first, *more)] == ["campaign.pause", "campaign.resume", "campaign.cancel"]
    assert process.returncode == 130


def test_a_whole_log_verifies_and_prints_its_end(audit, note):
    note("campaign.pause")

    told, asked = audit("verify"), json.loads(audit("verify", "--json").stdout)
    again = audit("verify", "--anchor", asked["end"])

    assert (told.returncode, again.returncode) == (0, 0)
    assert told.stdout == f"1 entry, each as it was written; the end is\n{asked['end']}\n"
    assert (asked["entries"], asked["breaks"], asked["unchained"]) == (1, [], 0)


def test_an_altered_log_is_told_with_exit_1(audit, note, database):
    note("campaign.pause")
    note("campaign.resume")
    with database.transaction() as connection:
        connection.execute("UPDATE audit_log SET actor = 'taro' WHERE seq = 1")

    told, asked = audit("verify"), audit("verify", "--json")

    assert (told.returncode, asked.returncode) == (1, 1)
    assert told.stdout == "entry 1: it is not what was written, or the one before it is not\n"
    assert [each["seq"] for each in json.loads(asked.stdout)["breaks"]] == [1]


def test_an_anchor_that_the_log_does_not_hold_is_told(audit, note):
    note("campaign.pause")

    other, wrong = audit("verify", "--anchor", f"1:{'0' * 64}"), audit("verify", "--anchor", "1:xyz")
    beyond = audit("verify", "--anchor", f"9:{'0' * 64}")

    assert other.returncode == 1
    assert "the chain was rewritten" in other.stdout
    assert beyond.stdout.startswith("entry 9: it is not there: the log ends before it\n")
    assert wrong.returncode == 2
    assert "a colon and 64 hexadecimal" in wrong.stderr

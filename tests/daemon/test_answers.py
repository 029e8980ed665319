"""What people answer, through the real command: at Twilio by asking, at AWS from the queue."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support.aws import AT_ONCE
from support.processes import environment, other_side_of_the_clock, run
from support.salon import add_customer, rows
from support.seeds import phone, seed_campaign

from lumiere_sms.testing.aws_server import AwsServer
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import SANDBOX_SENDER, TwilioServer

FAST = {"LUMIERE_SMS_PARTS_PER_SECOND": "200"}


@pytest.fixture
def seed(database, user_id):
    def make(texts: int, **more):
        for number in range(texts):
            add_customer(database, user_id, phone(number), last_name="田中")
        now = datetime.now(UTC)
        seed_campaign(database, user_id, now=now, texts=texts, quiet_hours=other_side_of_the_clock(), **more)

    return make


def test_whoever_refuses_is_told_so_once_and_is_not_texted_again(database, database_url, seed, tmp_path):
    seed(25)  # more than the provider is asked about one by one

    with TwilioServer(Faults(deliver_after=AT_ONCE)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        quiet = other_side_of_the_clock()
        answers = ("--answer", "stop={{ last_name }}様、停止しました", "--answer", "help=03-1234-5678")
        assert run("tenant", "set", "--quiet-hours", quiet, *answers, env=env).returncode == 0
        first = run("run", "--once", env=env)
        after = datetime.now(UTC) + timedelta(seconds=1)  # Twilio tells whole seconds
        server.reply(phone(0), "配信停止お願いします", at=after)
        server.reply(phone(1), "3時でお願いします", at=after)
        server.reply(phone(2), "STOP", at=after)  # which Twilio answers itself
        server.reply("+15550001111", "who is this?")
        second, third = run("run", "--once", env=env), run("run", "--once", env=env)
        inbox = json.loads(run("inbox", "list", "--json", env=env).stdout)
        report = json.loads(run("campaign", "report", "spring", "--json", env=env).stdout)
        shown = run("campaign", "report", "spring", env=env).stdout

    assert [each.returncode for each in (first, second, third)] == [0, 0, 0], second.stderr
    assert [(text.phone, text.body) for text in server.accepted[25:]] == [(phone(0), "田中様、停止しました")]
    assert sorted((each["meaning"], each["campaign"]) for each in inbox) == [
        ("help", None),
        ("other", "spring"),
        ("stop", "spring"),
        ("stop", "spring"),
    ]
    assert report["answers"] == {"stopped": 2, "others": 1, "stop_rate": 0.08, "reply_rate": 0.04}
    assert "1 replied (4.0%), 2 refused (8.0%)" in shown
    assert {row["source"] for row in rows(database, "suppressions")} == {"reply"}


def test_answers_at_aws_come_from_the_queue_of_events(database, database_url, seed, tmp_path):
    seed(2)

    with AwsServer(Faults(deliver_after=AT_ONCE), longest_wait=AT_ONCE) as server:
        env = environment(tmp_path, database_url=database_url, **server.environment(), **FAST)
        run("run", "--once", env=env)
        text = next(each for each in server.accepted if each.phone == phone(1))
        server.reply(phone(1), "停止してください", to="+815012345678", answers=text.sid)
        server.reply(phone(0), "ありがとう！", to="+815012345678")
        done = run("run", "--once", env=env)

    assert done.returncode == 0, done.stderr
    found = {row["phone_number"]: row for row in rows(database, "inbound_messages")}
    assert {number: row["meaning"] for number, row in found.items()} == {phone(0): "other", phone(1): "stop"}
    assert all(row["occurrence_id"] and row["recipient_id"] for row in found.values())
    assert [row["phone_number"] for row in rows(database, "suppressions")] == [phone(1)]
    assert len(server.queue) == 0


def test_an_operator_looks_at_what_is_unclear_and_decides(database, database_url, user_id, tmp_path):
    hostile = "\x1b[2J\x07もう結構です\u202e"

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, USER="mika")
        server.reply(phone(0), hostile)
        run("run", "--once", env=env)
        listed = run("inbox", "list", "--review", env=env)
        (only,) = json.loads(run("inbox", "list", "--review", "--json", env=env).stdout)
        shown = run("inbox", "show", only["key"], env=env).stdout
        told = run("status", env=env).stdout
        decided = run("inbox", "decide", only["key"], "--as", "stop", env=env)
        again = run("inbox", "decide", only["key"], "--as", "other", env=env)
        unknown = run("inbox", "show", "00000000", env=env)
        left = run("inbox", "list", "--review", env=env)

    assert phone(0) not in listed.stdout + shown
    assert not set("\x1b\x07\u202e") & set(listed.stdout + shown)
    assert "もう結構です" in shown
    assert "nobody whom you know" in shown
    assert "1 answer waits for a decision: lumiere-sms inbox list --review" in told
    assert decided.stderr == 'noted: it means "stop"; the number is not texted (opted_out)\n'
    assert (again.returncode, unknown.returncode) == (6, 6)
    assert (left.stdout, left.stderr) == ("", "no answer waits for a decision\n")
    (entry,) = [row for row in rows(database, "audit_log") if row["action"] == "reply.decide"]
    assert (entry["actor"], entry["subject"]) == ("mika", only["id"])
    assert [row["source"] for row in rows(database, "suppressions")] == ["reply"]
    assert SANDBOX_SENDER in shown

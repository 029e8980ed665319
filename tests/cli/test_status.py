import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import environment, other_side_of_the_clock, run
from support.seeds import seed_campaign

from lumiere_sms.campaigns.alerts import acknowledge, list_alerts, raise_alert
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.sending import standings
from lumiere_sms.sending.consequences import block
from lumiere_sms.sending.presence import Daemon, beat
from lumiere_sms.sending.senders import register_senders


@pytest.fixture
def status(database_url, tmp_path):
    def show(*options: str) -> str:
        done = run("status", *options, env=environment(tmp_path, database_url=database_url))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return show


@pytest.fixture
def a_daemon(database):
    beat(database, Daemon(new_id(), "salon", 42, "0.1.0"), texts=7, texts_per_second=1.5, now=None)


@pytest.fixture
def a_sender(database):
    register_senders(database, provider="twilio", default_sender="+15005550006", parts_per_second=1)


def seed(database, user_id, **more):
    quiet = {"quiet_hours": other_side_of_the_clock()}
    return seed_campaign(database, user_id, **{"now": datetime.now(UTC) - timedelta(minutes=2), **quiet, **more})


def test_nothing_on_its_way(status):
    out = status()

    assert "no daemon is running" in out
    assert "no campaign is on its way" in out


def test_a_campaign_without_a_daemon_says_so(database, user_id, status):
    seed(database, user_id)

    assert "spring: no daemon is running: lumiere-sms run" in status()


@pytest.mark.usefixtures("a_daemon", "a_sender")
def test_a_provider_that_takes_no_texts_is_named_with_the_reason(database, user_id, status):
    seed(database, user_id, texts=5)
    with database.transaction() as connection:
        standings.leave_alone(connection, "twilio", reason="no connection", now=None)

    shown = status()

    assert "twilio is left alone: no connection (lumiere-sms provider list)" in shown
    assert "spring: twilio is left alone: no connection" in shown


@pytest.mark.usefixtures("a_daemon", "a_sender")
def test_a_campaign_that_waits_for_the_pace_says_so_and_when_it_will_be_done(database, user_id, status):
    seed(database, user_id, texts=120)

    (campaign,) = json.loads(status("--json"))["campaigns"]

    assert (campaign["pending"], campaign["why"]) == (120, "waits for the pace")
    finish = datetime.fromisoformat(campaign["finish_at"])
    assert timedelta(seconds=60) < finish - datetime.now(UTC) < timedelta(minutes=3)


def test_a_campaign_that_waits_for_its_window_says_until_when_with_or_without_a_daemon(database, user_id, status):
    seed(database, user_id, now=datetime.now(UTC) + timedelta(hours=2))

    assert "spring: waits until " in status()


@pytest.mark.usefixtures("a_daemon", "a_sender")
def test_a_sender_that_rests_is_named_with_the_reason(database, user_id, status):
    seed(database, user_id)
    block(database, "twilio", sender="+15005550006", reason="too fast", seconds=60, now=None)

    assert "spring: +15005550006 rests: too fast" in status()


@pytest.mark.usefixtures("a_daemon", "a_sender")
def test_a_sender_that_rests_is_no_reason_before_the_window_opens(database, user_id, status):
    seed(database, user_id, now=datetime.now(UTC) + timedelta(hours=2))
    block(database, "twilio", sender="+15005550006", reason="too fast", seconds=60, now=None)

    assert "spring: waits until " in status()


@pytest.mark.usefixtures("a_daemon", "a_sender")
def test_tries_that_nobody_took_are_no_texts_and_hide_no_reason(database, user_id, status):
    seeded = seed(database, user_id, texts=1)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
            " attempt, parts, started_at, outcome, settled_at) VALUES (%s, gen_random_uuid(), %s, %s,"
            " '+819000000000', 'twilio', '+15005550006', 1, 1, now(), 'unavailable', now())",
            [user_id, seeded.recipient_ids[0], seeded.occurrence_id],
        )
    block(database, "twilio", sender="+15005550006", reason="out of reach", seconds=60, now=None)

    (campaign,) = json.loads(status("--json"))["campaigns"]

    assert (campaign["texts_per_minute"], campaign["why"]) == (0, "+15005550006 rests: out of reach")


def test_a_paused_campaign_says_who_paused_it_and_why(database, user_id, status):
    seed(database, user_id, status="paused")

    assert "spring: paused by operator: seeded" in status()


def test_a_campaign_that_takes_people_in_again_and_again_has_nothing_judged(database, user_id, status):
    seed(database, user_id, texts=0)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_occurrences SET advance_at = now() + interval '1 minute'")

    assert "is judged" not in status()


def test_an_alert_is_shown_until_somebody_acknowledges_it(database, user_id, clock, status):
    with database.transaction() as connection:
        raise_alert(connection, user_id, kind="provider", subject="+1500", message="account suspended", now=None)
        (alert,) = list_alerts(connection, user_id)

    before = status()
    acknowledge(database, user_id, [alert.key], clock=clock)
    after = status()

    assert re.search(rf"alert {alert.key} .* provider \+1500: account suspended", before)
    assert "account suspended" not in after


@pytest.mark.usefixtures("a_daemon")
def test_a_daemon_is_shown_with_its_last_sign_of_life_and_what_it_has_sent(status):
    (daemon,) = json.loads(status("--json"))["daemons"]
    first, _, _, shown = status().splitlines()[:4]

    assert (daemon["host"], daemon["pid"], daemon["version"], daemon["texts"]) == ("salon", 42, "0.1.0", 7)
    assert (daemon["texts_per_second"], daemon["is_silent"]) == (1.5, False)
    assert first.endswith("1 daemon is running")
    assert re.fullmatch(r"salon:42 +0\.1\.0 .* \d s ago +7 +1\.5 *", shown)


def test_a_daemon_that_fell_silent_is_shown_until_an_hour_has_passed_and_sends_nothing(database, user_id, status):
    now = datetime.now(UTC)
    for host, ago in (("killed", 30), ("gone", 4000)):
        beat(database, Daemon(new_id(), host, 1, "0.1.0"), texts=0, now=now - timedelta(seconds=ago))
    seed(database, user_id)

    shown = status()

    assert "no daemon is running; 1 fell silent" in shown
    assert "killed:1" in shown
    assert "gone:1" not in shown
    assert "spring: no daemon is running" in shown


def test_a_campaign_paused_before_its_launch_has_no_counts(database, user_id, status):
    seed(database, user_id, texts=0, status="paused")
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_occurrences SET status = 'scheduled'")

    shown = status()

    assert "spring" in shown
    assert "0 of 0" not in shown


def test_what_only_a_person_can_settle_is_named_with_or_without_a_daemon(database, user_id, status):
    seed(database, user_id, texts=1)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'unknown'")

    assert "spring: only texts in doubt are left: they are looked up, then a person decides" in status()


def test_on_a_terminal_what_waits_is_broken_between_words(database, database_url, user_id, tmp_path):
    with database.transaction() as connection:
        message = "the campaign's budget of 5.00 USD is used up: 0.0322 USD left, the next text costs 0.0842"
        raise_alert(connection, user_id, kind="campaign_paused", subject="spring", message=message, now=None)
    env = environment(tmp_path, database_url=database_url, TERM="xterm")
    ours, terminal = pty.openpty()

    subprocess.run([sys.executable, "-m", "lumiere_sms", "status"], env=env, stdout=terminal, check=True)

    (last, *_) = reversed(os.read(ours, 10_000).decode().splitlines())
    assert last == "budget of 5.00 USD is used up: 0.0322 USD left, the next text costs 0.0842"

import json
import sys
from datetime import UTC, datetime, timedelta

import pexpect
import pytest
from support.processes import environment, other_side_of_the_clock, run, running, wait_until
from support.salon import add_customers, apply_text, only, rows
from support.seeds import seed_campaign

from lumiere_sms.clock import SystemClock
from lumiere_sms.testing.twilio_server import TwilioServer

QUIET = other_side_of_the_clock()
DRAFT = f'campaigns:\n  spring: {{message: hello, segment: all, quiet_hours: "{QUIET}"}}\n'
NOW = ("campaign", "schedule", "spring", "--now")


@pytest.fixture
def spring(database, user_id, tmp_path):
    add_customers(database, user_id, 3)
    apply_text(database, tmp_path, DRAFT, clock=SystemClock())


@pytest.fixture
def env(database_url, tmp_path):
    with TwilioServer() as server:
        yield environment(tmp_path, database_url=database_url, server=server, LUMIERE_SMS_PARTS_PER_SECOND="100")


@pytest.fixture
def terminal(env):
    """The command as a person sees it."""
    started = []

    def start(*arguments):
        command = [sys.executable, ["-m", "lumiere_sms", *arguments]]
        started.append(pexpect.spawn(*command, env=env, encoding="utf-8", timeout=30))
        return started[0]

    yield start
    for each in started:
        each.close(force=True)


def until(instant):
    wait_until(lambda: datetime.now(UTC) > instant)


@pytest.mark.usefixtures("spring")
def test_ctrl_c_while_it_is_counted_down_means_no_call(database, env, terminal):
    with running("run", env=env):
        shown = terminal(*NOW, "--undo-window", "2s")
        shown.expect("Ctrl-C takes it back")
        due = only(database, "campaign_occurrences")["occurs_at"]
        shown.sendintr()
        shown.expect('taken back: campaign "spring" is draft; nobody was texted')
        shown.expect(pexpect.EOF)
        shown.wait()
        until(due + timedelta(seconds=1.5))

    assert shown.exitstatus == 130
    assert only(database, "sms_campaigns")["status"] == "draft"
    assert (rows(database, "campaign_recipients"), rows(database, "submissions")) == ([], [])


@pytest.mark.usefixtures("spring")
def test_on_a_terminal_a_campaign_goes_after_a_minute_unless_another_window_is_named(database, terminal):
    shown = terminal(*NOW)
    shown.expect(r"goes in \d+ s")
    asked = datetime.now(UTC)

    left = only(database, "campaign_occurrences")["occurs_at"] - asked

    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


@pytest.mark.usefixtures("spring")
def test_a_countdown_that_nobody_ends_says_that_it_is_over(database, terminal):
    shown = terminal(*NOW, "--undo-window", "1s")

    shown.expect('campaign "spring" goes now: it is scheduled')
    shown.expect(pexpect.EOF)

    assert shown.wait() == 0


@pytest.mark.usefixtures("spring")
def test_elsewhere_it_goes_at_once(database, env):
    done = run(*NOW, env=env)

    assert done.returncode == 0, done.stderr
    assert only(database, "campaign_occurrences")["occurs_at"] <= datetime.now(UTC)


@pytest.mark.usefixtures("spring")
def test_a_cancel_from_anywhere_within_the_window_means_that_it_is_never_launched(database, env):
    done = run(*NOW, "--undo-window", "10m", env=env)
    cancelled = run("campaign", "cancel", "spring", env=env)

    assert 'nobody is texted after: lumiere-sms campaign cancel "spring"' in done.stderr
    assert cancelled.stderr == 'campaign "spring": scheduled → cancelled; 0 get no text; in flight: none\n'
    assert only(database, "campaign_occurrences")["status"] == "cancelled"


@pytest.mark.usefixtures("spring")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--now", "--undo-window", "soon"], '"soon" is not a duration', id="no duration"),
        pytest.param(["--now", "--undo-window", "-5s"], '"-5s" is not a duration', id="negative"),
        pytest.param(["--now", "--undo-window", "2d"], "a day is the most", id="absurd"),
        pytest.param(["--at", "2031-04-01 10:00", "--undo-window", "5s"], "it goes with --now", id="of a later time"),
    ],
)
def test_an_undo_window_that_makes_no_sense_is_a_wrong_command_line(database, env, arguments, said):
    done = run("campaign", "schedule", "spring", *arguments, env=env)

    assert done.returncode == 2
    assert said in done.stderr
    assert only(database, "sms_campaigns")["status"] == "draft"


@pytest.fixture
def one_in_flight(database, user_id):
    """Of two texts one was armed by a daemon that is gone."""
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=2, quiet_hours=QUIET)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'submitting', claimed_by = gen_random_uuid(), provider = 'twilio',"
            " claimed_until = now() + interval '1 second' WHERE phone_number LIKE '%0'"
        )


@pytest.mark.usefixtures("one_in_flight")
def test_a_cancelled_campaign_lists_what_was_in_flight_and_what_became_of_it(env):
    done = run("campaign", "cancel", "spring", "--json", env=env)

    found = json.loads(done.stdout)
    assert (found["after"], found["stopped"]) == ("cancelled", 1)
    assert [(each["phone_number"], each["status"]) for each in found["in_flight"]] == [("+81········00", "unknown")]
    assert "waiting for 1 in flight" in done.stderr


@pytest.mark.usefixtures("one_in_flight")
def test_a_paused_campaign_lists_what_was_in_flight_as_a_table(env):
    done = run("campaign", "pause", "spring", "--show-phones", env=env)

    assert done.stderr.endswith('campaign "spring": running → paused; in flight: unknown 1\n')
    assert done.stdout.splitlines()[-1].split()[:3] == ["+819000000000", "unknown", "twilio"]

import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import environment, other_side_of_the_clock, run, running, wait_until
from support.salon import rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import TwilioServer

TEXTS = 240
A_WHILE = 1.2  # seconds: longer than the age at which an arm is stale, and than any daemon rests


@pytest.fixture
def provider():
    with TwilioServer(Faults(latency=timedelta(seconds=0.1))) as server:
        yield server


@pytest.fixture
def env(database, user_id, database_url, tmp_path, provider):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=TEXTS, quiet_hours=other_side_of_the_clock())
    pace = {"LUMIERE_SMS_PARTS_PER_SECOND": "200", "LUMIERE_SMS_SLOTS": "8"}
    return environment(tmp_path, database_url=database_url, server=provider, **pace)


def requests_in_a_while(provider):
    before = provider.request_count
    time.sleep(A_WHILE)
    return provider.request_count - before


def test_no_request_begins_after_pause_has_returned_and_resume_loses_nobody(database, user_id, env, provider):
    env = {**env, "LUMIERE_SMS_PARTS_PER_SECOND": "30"}  # for longer than the command takes to begin
    with running("run", env=env), running("run", env=env):
        wait_until(lambda: len(rows(database, "daemons")) == 2 and len(provider.accepted) > 40)
        paused = run("campaign", "pause", "spring", env=env)
        begun, left = requests_in_a_while(provider), statuses(database, user_id)
        resumed = run("campaign", "resume", "spring", env=env)
        wait_until(lambda: statuses(database, user_id).keys() <= {"sent", "delivered"})

    assert (paused.returncode, resumed.returncode) == (0, 0), paused.stderr
    assert begun == 0
    assert left["pending"] > 0
    assert "submitting" not in left
    assert Counter(each.phone for each in provider.accepted) == Counter(phone(number) for number in range(TEXTS))


def test_a_daemon_frozen_for_twice_its_lease_sends_nothing_when_it_goes_on_though_the_campaign_was_paused_meanwhile(
    database, user_id, env, provider
):
    with running("run", env=env) as frozen:
        wait_until(lambda: len(provider.accepted) > 40)
        frozen.send_signal(signal.SIGSTOP)
        # Nobody waits two minutes for the leases here: the sweeper is told that they are over.
        swept = sweep(database, clock=FrozenClock(datetime.now(UTC) + timedelta(minutes=2)))
        paused = run("campaign", "pause", "spring", env=env)
        time.sleep(A_WHILE)  # its leases are told to be over; the age of its arms is measured
        frozen.send_signal(signal.SIGCONT)
        begun = requests_in_a_while(provider)
        run("campaign", "resume", "spring", env=env)
        with running("run", env=env):
            wait_until(lambda: statuses(database, user_id).keys() <= {"sent", "delivered"})

    assert (paused.returncode, begun) == (0, 0), paused.stderr
    assert swept["unknown"] > 0
    assert Counter(each.phone for each in provider.accepted) == Counter(phone(number) for number in range(TEXTS))

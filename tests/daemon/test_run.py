import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import conninfo_to_dict
from support.processes import (
    QUICK_LOOKS,
    environment,
    other_side_of_the_clock,
    run,
    running,
    start,
    stop,
    wait_until,
)
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.database.connection import Database
from lumiere_sms.testing.twilio_faults import Fault, Faults, Refusal
from lumiere_sms.testing.twilio_server import TwilioServer

FAST = {"LUMIERE_SMS_PARTS_PER_SECOND": "2000"}
NEVER_PROVED = Faults(script=(Fault.CUT_AFTER,), list_errors=1)


@pytest.fixture
def seed(database, user_id):
    def make(texts: int, **more):
        now = datetime.now(UTC)
        return seed_campaign(database, user_id, now=now, texts=texts, quiet_hours=other_side_of_the_clock(), **more)

    return make


def texted(server: TwilioServer) -> list[str]:
    return sorted(each.phone for each in server.accepted)


def test_one_pass_sends_what_is_due_and_ends(database, database_url, user_id, seed, tmp_path):
    seed(30)

    with TwilioServer() as server:
        done = run(
            "run", "--once", "--json", env=environment(tmp_path, database_url=database_url, server=server, **FAST)
        )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["texts"] == {"accepted": 30}
    assert texted(server) == [phone(number) for number in range(30)]


def test_one_pass_ends_with_8_when_a_recipient_is_in_doubt(database, database_url, user_id, seed, tmp_path):
    seed(3)

    with TwilioServer(NEVER_PROVED) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST, **QUICK_LOOKS)
        done = run("run", "--once", "--json", env=env)

    assert done.returncode == 8
    assert json.loads(done.stdout)["unknown"] == 1
    assert len(server.accepted) == 3


def test_a_pass_that_finds_nobody_s_time_come_says_that_some_wait(database, database_url, user_id, tmp_path):
    seed_campaign(database, user_id, now=datetime.now(UTC) + timedelta(hours=2))

    with TwilioServer() as server:
        done = run("run", "--once", env=environment(tmp_path, database_url=database_url, server=server))

    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("nothing to send; some wait for their time: lumiere-sms status\n")


def test_who_is_in_doubt_in_a_cancelled_campaign_needs_nobody_any_more(database, database_url, seed, tmp_path):
    seed(1)
    with TwilioServer(NEVER_PROVED) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST, **QUICK_LOOKS)
        assert run("run", "--once", env=env).returncode == 8

        assert run("campaign", "cancel", "spring", env=env).returncode == 0

        assert run("run", "--once", env=env).returncode == 0


def test_one_pass_ends_with_9_when_a_rule_paused_a_campaign(database, database_url, user_id, seed, tmp_path):
    seed(3)

    with TwilioServer(Faults(script=(Refusal(21606),) * 3)) as server:
        done = run("run", "--once", env=environment(tmp_path, database_url=database_url, server=server, **FAST))

    assert done.returncode == 9
    assert "paused by a rule: spring" in done.stderr
    assert statuses(database, user_id) == {"pending": 3}


def test_one_pass_claims_nothing_after_its_seconds_are_over(database, database_url, user_id, seed, tmp_path):
    seed(100)
    slow = {"LUMIERE_SMS_PARTS_PER_SECOND": "5"}

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, **slow)
        done = run("run", "--once", "--max-seconds", "2", env=env)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert 1 <= len(server.accepted) <= 20
    left = statuses(database, user_id)
    assert left["pending"] == 100 - len(server.accepted)


def test_two_passes_at_once_text_everybody_once(database, database_url, user_id, seed, tmp_path):
    seed(300)

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        both = [start("run", "--once", env=env) for _ in range(2)]
        codes = [process.communicate(timeout=60) and process.returncode for process in both]

    assert codes == [0, 0]
    assert texted(server) == [phone(number) for number in range(300)]


def test_a_daemon_drains_at_sigterm_and_gives_back_the_rest(database, database_url, user_id, seed, tmp_path):
    seed(500)

    with TwilioServer(Faults(latency=timedelta(seconds=0.3))) as server:
        env = environment(tmp_path, database_url=database_url, server=server, LUMIERE_SMS_SLOTS="8", **FAST)
        with running("run", "--json-logs", env=env) as daemon:
            wait_until(lambda: len(server.accepted) > 8)
            code, _, err = stop(daemon)

    assert code == 0, err
    found = statuses(database, user_id)
    assert found.keys() <= {"pending", "sent", "delivered"}
    assert found["pending"] == 500 - len(server.accepted)
    assert all(json.loads(line)["event"] for line in err.splitlines())


def test_a_second_signal_stops_at_once_and_leaves_the_rest_to_the_leases(
    database, database_url, user_id, seed, tmp_path
):
    seed(4)

    with TwilioServer(Faults(script=(Fault.SILENCE_AFTER,) * 4)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        with running("run", env=env) as daemon:
            wait_until(lambda: len(server.accepted) == 4)
            daemon.send_signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in (daemon.stderr.readline() if daemon.stderr else ""))
            stop(daemon)

    assert statuses(database, user_id) == {"submitting": 4}


def test_ctrl_c_drains_and_ends_with_130(database, database_url, seed, tmp_path):
    seed(1)

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        with running("run", env=env) as daemon:
            wait_until(lambda: len(server.accepted) == 1)
            code, _, _ = stop(daemon, signal.SIGINT)

    assert code == 130


def test_refused_credentials_end_with_4_before_anything_is_sent(database, database_url, user_id, seed, tmp_path):
    seed(1)

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        done = run("run", "--once", env={**env, "TWILIO_AUTH_TOKEN": "0" * 32})

    assert done.returncode == 4
    assert "TWILIO_AUTH_TOKEN" in done.stderr
    assert "Unclosed" not in done.stderr
    assert statuses(database, user_id) == {"pending": 1}


def test_missing_credentials_end_with_4_and_name_the_variables(database_url, tmp_path):
    done = run("run", "--once", env=environment(tmp_path, database_url=database_url))

    assert done.returncode == 4
    assert "TWILIO_ACCOUNT_SID" in done.stderr


def test_asynchronous_commit_is_refused(database_url, tmp_path):
    url = f"{database_url} options='-c synchronous_commit=off'"

    with TwilioServer() as server:
        done = run("run", "--once", env=environment(tmp_path, database_url=url, server=server))

    assert done.returncode == 4
    assert "synchronous_commit" in done.stderr


def test_a_provider_that_does_not_answer_loses_nobody(database, database_url, user_id, seed, tmp_path):
    seed(50)
    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)

    done = run("run", "--once", env=env)

    assert done.returncode == 0, done.stderr
    assert "held up" in done.stderr
    assert statuses(database, user_id) == {"pending": 50}


def test_connections_that_are_cut_under_load_are_survived(database, database_url, server_url, user_id, seed, tmp_path):
    seed(200)

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server, LUMIERE_SMS_PARTS_PER_SECOND="100")
        with running("run", env=env) as daemon:
            wait_until(lambda: len(server.accepted) > 20)
            with Database(server_url).connect() as connection:
                cut = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [conninfo_to_dict(database_url)["dbname"]],
                ).fetchall()
            wait_until(lambda: len(server.accepted) == 200)
            code, _, err = stop(daemon)

    assert (bool(cut), code) == (True, 0), err
    assert texted(server) == [phone(number) for number in range(200)]

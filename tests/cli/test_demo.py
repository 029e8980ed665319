import json
import signal
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from support.processes import PATIENCE, environment, run, start, stop

from lumiere_sms.database.embedded import Cluster


@pytest.fixture
def env(public_dir):
    yield environment(public_dir, database_url="")
    Cluster(public_dir).stop()


def test_the_demo_does_the_whole_job_and_may_run_twice_at_once(env, public_dir):
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: run("demo", "--json", env=env), range(2)))

    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    shown = [json.loads(done.stdout)["campaigns"] for done in both]
    assert {each["name"] for each in shown[0]} == {"spring-offer", "english-news", "closing-early"}
    for each in shown[0] + shown[1]:
        assert each["matched"] == sum(each["excluded"].values()) + sum(each["recipients"].values())
        assert each["recipients"].keys() <= {"delivered", "bounced", "failed", "suppressed"}
        assert (each["parts"] > 0, float(each["cost"]) > 0, each["currency"]) == (True, True, "USD")
    with psycopg.connect(Cluster(public_dir).ensure()) as connection:
        left = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'demo%'").fetchone()
    assert left == (0,)


def test_the_demo_tells_a_person_what_happened(env):
    done = run("demo", env=env)

    assert done.returncode == 0, done.stderr
    assert "10:00 in Tokyo" in done.stderr
    assert "spring-offer (promotional)" in done.stdout
    assert "no_consent" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_ctrl_c_ends_the_demo_with_130_and_leaves_no_database(env, public_dir):
    process = start("demo", env=env)
    while "sending" not in process.stderr.readline():
        assert process.poll() is None

    code, out, _ = stop(process, signal.SIGINT)

    assert (code, out) == (130, "")
    with psycopg.connect(Cluster(public_dir).ensure()) as connection:
        left = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'demo%'").fetchone()
    assert left == (0,)


@pytest.mark.parametrize("moment", ["_start", "_finish"])
def test_ctrl_c_in_its_second_pass_ends_the_demo_with_130(env, public_dir, moment):
    interrupting = f"""
import os, signal
from lumiere_sms.daemon import Runner
calls, undisturbed = [], Runner.{moment}
def disturbed(*given, **named):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGINT)
    return undisturbed(*given, **named)
Runner.{moment} = disturbed
"""
    process = start("demo", "--json", env=env, after=interrupting)

    out, _ = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (130, "")

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.doubts import put_in_doubt
from support.processes import QUICK_LOOKS, environment, other_side_of_the_clock, run, running, stop, wait_until
from support.salon import rows
from support.seeds import seed_campaign, statuses

from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Fault, Faults
from lumiere_sms.testing.twilio_server import TwilioServer

QUICK = {"LUMIERE_SMS_PARTS_PER_SECOND": "2000", "LUMIERE_SMS_READ_TIMEOUT": "0.3", **QUICK_LOOKS}
DOUBTFUL = (Fault.CUT_BEFORE, Fault.ERROR_AFTER, Fault.SILENCE_BEFORE, Fault.CUT_AFTER)
LATE = timedelta(seconds=0.6)  # beyond the first looks, within what is promised


@pytest.fixture
def seed(database, user_id):
    def make(texts: int):
        now = datetime.now(UTC)
        return seed_campaign(database, user_id, now=now, texts=texts, quiet_hours=other_side_of_the_clock())

    return make


def times_texted(server: TwilioServer) -> Counter[str]:
    return Counter(each.phone for each in server.accepted)


def test_one_pass_waits_for_proof_and_texts_everybody_once(database, database_url, user_id, seed, tmp_path):
    seed(5)

    with TwilioServer(Faults(script=DOUBTFUL, list_lag=LATE)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **QUICK)
        done = run("run", "--once", "--json", env=env)

    assert done.returncode == 0, done.stderr
    assert sorted(times_texted(server).values()) == [1] * 5
    assert statuses(database, user_id).keys() <= {"sent", "delivered"}
    assert Counter(each["outcome"] for each in rows(database, "submissions")) == {"accepted": 5, "absent": 2}
    assert "waiting for proof provider=twilio texts=" in done.stderr


def test_one_pass_decides_what_an_earlier_one_left_in_doubt(database, database_url, user_id, seed, tmp_path):
    put_in_doubt(database, seed(2), clock=FrozenClock(datetime.now(UTC) - timedelta(minutes=1)))
    patient = {**QUICK, "LUMIERE_SMS_RECONCILE_AFTER": "0.2,0.5,2,20"}

    with TwilioServer() as server:
        done = run("run", "--once", env=environment(tmp_path, database_url=database_url, server=server, **patient))

    assert done.returncode == 0, done.stderr
    assert sorted(times_texted(server).values()) == [1, 1]


def test_a_pass_waits_for_proof_no_longer_than_its_seconds(database, database_url, user_id, seed, tmp_path):
    seed(1)

    with TwilioServer(Faults(script=(Fault.CUT_BEFORE,))) as server:
        env = environment(tmp_path, database_url=database_url, server=server, LUMIERE_SMS_PARTS_PER_SECOND="100")
        done = run("run", "--once", "--max-seconds", "2", "--json", env=env)

    assert done.returncode == 8
    assert json.loads(done.stdout)["unknown"] == 1


def test_a_daemon_that_is_killed_while_it_looks_is_followed_by_another(database, database_url, user_id, seed, tmp_path):
    seed(4)

    with TwilioServer(Faults(script=(Fault.CUT_BEFORE, Fault.CUT_AFTER) * 2)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **QUICK)
        with running("run", env=env) as first:
            wait_until(lambda: statuses(database, user_id).keys() <= {"unknown", "sent", "delivered"})
            server.behave(Faults(latency=timedelta(seconds=5)))  # its request for the list hangs
            lists = server.list_count
            wait_until(lambda: server.list_count > lists)
            first.kill()
        server.behave(Faults())
        with running("run", env=env) as second:
            wait_until(lambda: statuses(database, user_id).keys() <= {"sent", "delivered"})
            code, _, _ = stop(second)

    assert code == 0
    assert sorted(times_texted(server).values()) == [1] * 4

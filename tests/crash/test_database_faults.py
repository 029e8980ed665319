import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import PATIENCE, environment, other_side_of_the_clock, running, stop, wait_until
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.testing.twilio_faults import Fault, Faults
from lumiere_sms.testing.twilio_server import TwilioServer

TEXTS = 400
PACE = {"LUMIERE_SMS_PARTS_PER_SECOND": "80", "LUMIERE_SMS_SLOTS": "8"}


@pytest.fixture
def seeded(server):
    user_id = find_tenant(server.database, "default").id

    def seed(texts):
        quiet_hours = other_side_of_the_clock()
        seed_campaign(server.database, user_id, now=datetime.now(UTC), texts=texts, quiet_hours=quiet_hours)
        return user_id

    return seed


def more(twilio, texts):
    """Wait until so many more have been accepted."""
    goal = len(twilio.accepted) + texts
    wait_until(lambda: len(twilio.accepted) >= goal)


def heard(daemon, words):
    """Wait until a daemon has said it; return all that it said until then."""
    lines = []
    wait_until(lambda: lines.append(daemon.stderr.readline()) or words in lines[-1])
    return "".join(lines)


def test_a_database_that_is_killed_restarted_and_closed_under_load_loses_nobody_and_texts_nobody_twice(
    server, seeded, public_dir, tmp_path
):
    user_id = seeded(TEXTS)

    with TwilioServer(Faults(latency=timedelta(seconds=0.05))) as twilio:
        reviving = environment(public_dir, database_url="", server=twilio, **PACE)
        waiting = environment(tmp_path, database_url=server.url, server=twilio, **PACE)
        with running("run", env=reviving) as one, running("run", env=waiting) as other:
            started = heard(other, "submitted")
            more(twilio, 20)
            server.hit(signal.SIGKILL)
            more(twilio, 20)
            server.hit(signal.SIGQUIT)
            more(twilio, 20)
            server.take_no_writes(no_writes=True)
            said = heard(one, "the database takes no writes")
            server.take_no_writes(no_writes=False)
            # A claim whose answer was lost with the database is nobody's until its lease has ended.
            patience = PATIENCE / 2 + recipients.LEASE.total_seconds()
            settled = {"sent", "delivered", "unknown"}
            wait_until(lambda: statuses(server.database, user_id).keys() <= settled, patience=patience)
            ended = [stop(each) for each in (one, other)]

    texted = Counter(each.phone for each in twilio.accepted)
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert texted == Counter(phone(number) for number in range(TEXTS))
    assert "unknown" not in statuses(server.database, user_id)
    assert all("Traceback" not in err for err in (started, said, *(err for _, _, err in ended)))


IN_A_HURRY = "from lumiere_sms.daemon import Runner; Runner.drain = 2.0"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the server's processes from /proc")
def test_a_daemon_whose_database_hangs_ends_all_the_same_when_its_time_to_drain_is_over(server, seeded, tmp_path):
    user_id = seeded(8)

    with TwilioServer(Faults(script=(Fault.SILENCE_AFTER,) * 8)) as twilio:
        env = environment(tmp_path, database_url=server.url, server=twilio, LUMIERE_SMS_READ_TIMEOUT="1", **PACE)
        with running("run", env=env, after=IN_A_HURRY) as daemon:
            wait_until(lambda: len(twilio.accepted) == 8)
            server.freeze()
            try:
                code, _, err = stop(daemon)
            finally:
                server.thaw()

    assert code == 143
    assert "something keeps silent" in err
    assert statuses(server.database, user_id) == {"submitting": 8}

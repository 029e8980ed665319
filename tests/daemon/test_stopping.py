from datetime import UTC, datetime

import pytest
from support.processes import environment, other_side_of_the_clock, running, stop, wait_until
from support.seeds import seed_campaign, statuses

from lumiere_sms.testing.twilio_faults import Fault, Faults
from lumiere_sms.testing.twilio_server import TwilioServer

IN_A_HURRY = "from lumiere_sms.daemon import Runner; Runner.drain = 1.0"


@pytest.mark.parametrize(
    ("seconds", "after", "code", "left"),
    [
        pytest.param(1, "", 0, "unknown", id="drained as soon as the calls have timed out"),
        pytest.param(31, IN_A_HURRY, 143, "submitting", id="stopped when the time to drain is over"),
    ],
)
def test_a_daemon_whose_provider_keeps_silent_ends_at_sigterm(
    database, database_url, user_id, tmp_path, seconds, after, code, left
):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=4, quiet_hours=other_side_of_the_clock())

    with TwilioServer(Faults(script=(Fault.SILENCE_AFTER,) * 4)) as server:
        env = environment(
            tmp_path,
            database_url=database_url,
            server=server,
            LUMIERE_SMS_READ_TIMEOUT=str(seconds),
            LUMIERE_SMS_PARTS_PER_SECOND="100",
        )
        with running("run", env=env, after=after) as daemon:
            wait_until(lambda: len(server.accepted) == 4)
            ended, _, err = stop(daemon)

    assert ended == code, err
    assert "Traceback" not in err
    assert statuses(database, user_id) == {left: 4}

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

from support.processes import environment, other_side_of_the_clock, running, wait_until
from support.seeds import seed_campaign, statuses

from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_messages import AcceptedText
from lumiere_sms.testing.twilio_server import TwilioServer

TEXTS, KILLS = 200, 5


def more_than(server: TwilioServer, before: tuple[AcceptedText, ...]) -> bool:
    return len(server.accepted) > len(before)


def test_kill_9_at_random_moments_texts_nobody_twice_and_loses_nobody(database, database_url, user_id, tmp_path):
    now, chance = datetime.now(UTC), random.Random()
    seed_campaign(database, user_id, now=now, texts=TEXTS, quiet_hours=other_side_of_the_clock())

    with TwilioServer(Faults(latency=timedelta(seconds=0.05))) as server:
        env = environment(
            tmp_path,
            database_url=database_url,
            server=server,
            LUMIERE_SMS_PARTS_PER_SECOND="60",
            LUMIERE_SMS_SLOTS="16",
        )
        for _ in range(KILLS):
            before = server.accepted
            with running("run", env=env):
                wait_until(partial(more_than, server, before))
                time.sleep(chance.uniform(0, 0.3))
        # Nobody waits a minute for the leases here: the sweeper is told that the minute is over.
        sweep(database, clock=FrozenClock(datetime.now(UTC) + timedelta(minutes=2)))
        with running("run", env=env):
            wait_until(lambda: statuses(database, user_id).keys() <= {"sent", "delivered", "unknown"})

    texts = Counter((each.phone, each.body) for each in server.accepted)
    assert max(texts.values()) == 1
    texted = {each.phone for each in server.accepted}
    with database.transaction() as connection:
        rows = connection.execute("SELECT phone_number, status FROM campaign_recipients").fetchall()
    assert len(rows) == TEXTS
    assert [row for row in rows if row["phone_number"] not in texted and row["status"] != "unknown"] == []

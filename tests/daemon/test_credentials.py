from collections import Counter
from datetime import UTC, datetime

from support.processes import environment, other_side_of_the_clock, run, running, stop, wait_until
from support.salon import rows
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.testing.twilio_faults import Faults, Refusal
from lumiere_sms.testing.twilio_server import TwilioServer

TEXTS = 60
REVOKED = Faults(by_phone={phone(number): Refusal(20003, 401) for number in range(TEXTS)})


def test_credentials_that_are_revoked_half_way_cost_nobody_a_text(database, database_url, user_id, tmp_path):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=TEXTS, quiet_hours=other_side_of_the_clock())

    with TwilioServer() as server:
        pace = {"LUMIERE_SMS_PARTS_PER_SECOND": "40", "LUMIERE_SMS_SLOTS": "4"}
        env = environment(tmp_path, database_url=database_url, server=server, **pace)
        with running("run", env=env) as daemon:
            wait_until(lambda: len(server.accepted) >= 10)
            server.behave(REVOKED)
            wait_until(lambda: rows(database, "alerts") != [])
            stop(daemon)
        refused, asked = statuses(database, user_id), server.request_count
        shown = run("status", env=env).stdout
        server.behave(Faults())
        run("provider", "enable", "twilio", env=env)
        with running("run", env=env):
            wait_until(lambda: statuses(database, user_id).keys() <= {"sent", "delivered"})

    assert refused.keys() <= {"pending", "sent", "delivered"}
    assert refused["pending"] > 0
    assert asked < TEXTS
    assert "20003" in shown or "Authenticate" in shown, shown
    assert Counter(each.phone for each in server.accepted) == Counter(phone(number) for number in range(TEXTS))

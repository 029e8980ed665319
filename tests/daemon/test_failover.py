import json
from datetime import UTC, datetime, timedelta

from support.processes import environment, other_side_of_the_clock, run
from support.seeds import seed_campaign, statuses

from lumiere_sms.sending import standings
from lumiere_sms.testing.twilio_server import TwilioServer


def test_the_second_of_two_providers_takes_over_from_one_that_dies(database_url, tmp_path):
    env = environment(tmp_path, database_url=database_url)

    done = run("verify", "failover", "--texts", "60", "--per-second", "30", "--json", env=env)

    assert done.returncode == 0, done.stderr
    proof = json.loads(done.stdout)
    assert (proof["verdict"]["duplicates"], proof["verdict"]["lost"]) == (0, 0)
    assert proof["first"] >= 15
    assert proof["second"] >= 20
    assert proof["switched"] < 5


def test_a_provider_that_refuses_us_from_the_start_is_left_to_the_others(database, database_url, user_id, tmp_path):
    begun = datetime.now(UTC) - timedelta(minutes=2)
    seed_campaign(database, user_id, now=begun, texts=3, quiet_hours=other_side_of_the_clock())
    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server)
        done = run(
            "run", "--once", env={**env, "TWILIO_AUTH_TOKEN": "0" * 32, "LUMIERE_SMS_PROVIDER": "twilio,console"}
        )

    assert done.returncode == 0, done.stderr
    assert statuses(database, user_id) == {"sent": 3}
    with database.transaction() as connection:
        standing = standings.standing_of(connection, "twilio", now=None)
    assert (standing.state, "20003" in str(standing.reason)) == ("open", True)

import json
from datetime import UTC, datetime

from support.processes import environment, other_side_of_the_clock, run
from support.seeds import phone, seed_campaign

from lumiere_sms.testing.twilio_server import TwilioServer


def test_a_launch_that_fails_in_an_unforeseen_way_stops_no_text_that_may_go(database, database_url, user_id, tmp_path):
    now = datetime.now(UTC)
    quiet_hours = other_side_of_the_clock()
    seed_campaign(database, user_id, now=now, texts=2, quiet_hours=quiet_hours)
    poisoned = seed_campaign(database, user_id, now=now, texts=0, name="poisoned", status="scheduled")
    with database.transaction() as connection:
        binds = [poisoned.campaign_id]
        connection.execute("UPDATE campaign_occurrences SET status = 'scheduled' WHERE campaign_id = %s", binds)
        connection.execute("UPDATE sms_campaigns SET definition = '{\"moon\": 1}' WHERE id = %s", binds)

    with TwilioServer() as server:
        env = environment(tmp_path, database_url=database_url, server=server)
        done = run("run", "--once", "--json", "--max-seconds", "30", env=env)

    assert json.loads(done.stdout)["texts"] == {"accepted": 2}
    assert sorted(each.phone for each in server.accepted) == [phone(0), phone(1)]

"""What goes by answers, end to end: a sequence that a reply ends, a winner by replies, an hour that was learned."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from support.aws import AT_ONCE
from support.processes import environment, other_side_of_the_clock, run, wait_until
from support.salon import add_customer, rows
from support.seeds import phone

from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import TwilioServer

FAST = {"LUMIERE_SMS_PARTS_PER_SECOND": "200"}
WELCOME = """
segments:
  new: {criteria: {field: visit_count, operator: eq, value: 1}}
  old: {criteria: {field: visit_count, operator: eq, value: 9}}
campaigns:
  welcome:
    type: drip
    segment: new
    schedule: now
    send_rate_per_minute: 60000
    steps:
      - {name: thanks, message: "Thank you"}
      - {name: tips, after: 1d, message: "Tips", unless: [replied]}
  trial:
    segment: old
    schedule: now
    send_rate_per_minute: 60000
    variants: {long: {weight: 30%, message: "Hello there"}, short: {weight: 30%, message: "Hi"}}
    winner: {metric: replies, after: 2h, min: 1, if_undecided: best}
"""
LATER = """
segments:
  new: {criteria: {field: visit_count, operator: eq, value: 1}}
campaigns:
  later: {segment: new, schedule: now, message: "Later", best_time: learned, expires_after: 12h}
"""


def texted(database, name: str) -> list[dict]:
    with database.transaction() as connection:
        return connection.execute(
            "SELECT recipient.* FROM campaign_recipients AS recipient JOIN sms_campaigns AS campaign"
            " ON campaign.id = recipient.campaign_id WHERE campaign.name = %s",
            [name],
        ).fetchall()


def a_day_later(database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE enrolments SET next_at = now()")
        connection.execute("UPDATE campaign_recipients SET sent_at = sent_at - interval '25 hours' WHERE step = '1'")
        connection.execute("UPDATE campaign_occurrences SET advance_at = now() WHERE phase = 'trial'")


def test_who_replies_leaves_a_sequence_decides_a_trial_and_is_texted_at_their_hour(
    database, database_url, user_id, tmp_path
):
    for number in range(122):  # each lot is more than the provider is asked about one by one
        add_customer(database, user_id, phone(number), visit_count=1 if number < 2 else 9)
    hour = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    (tmp_path / "welcome.yaml").write_text(WELCOME, encoding="utf-8")
    (tmp_path / "later.yaml").write_text(LATER, encoding="utf-8")

    with TwilioServer(Faults(deliver_after=AT_ONCE)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        override = ("--override", "texts of a test")
        rules = ("--quiet-hours", other_side_of_the_clock(), "--window", "drip=00:00-24:00")
        assert run("tenant", "set", *rules, env=env).returncode == 0
        for days in (2, 3, 4):
            server.reply(phone(1), "thanks", at=hour - timedelta(days=days))
        ended = [run("apply", str(tmp_path / "welcome.yaml"), *override, env=env), run("run", "--once", env=env)]
        after = datetime.now(UTC) + timedelta(seconds=1)  # Twilio tells whole seconds
        for row in texted(database, "trial"):
            body = "ok" if row["variant"] == "short" else "STOP"
            server.reply(row["phone_number"], body, at=after)
        server.reply(phone(0), "Could I come on Friday?", at=after)
        a_day_later(database)
        wait_until(lambda: datetime.now(UTC) > after)  # nobody lists what is still to come
        ended += [run("run", "--once", env=env), run("apply", str(tmp_path / "later.yaml"), *override, env=env)]
        ended.append(run("run", "--once", env=env))
        ended.append(run("campaign", "report", "trial", "--json", env=env))

    assert [each.returncode for each in ended] == [0] * 6, [each.stderr for each in ended]
    report = json.loads(ended[-1].stdout)
    steps = {(row["phone_number"], row["step"]) for row in texted(database, "welcome")}
    assert steps == {(phone(0), "1"), (phone(1), "1"), (phone(1), "2")}
    assert report["trial"]["decision"]["winner"] == "short"
    assert {row["variant"] for row in texted(database, "trial") if row["status"] != "delivered"} <= {"short"}
    assert report["answers"]["stopped"] > 0
    (own,) = (row for row in texted(database, "later") if row["phone_number"] == phone(1))
    tokyo = ZoneInfo("Asia/Tokyo")
    assert own["send_after"].astimezone(tokyo).hour == hour.astimezone(tokyo).hour
    assert len(rows(database, "responses")) == len(rows(database, "inbound_messages")) - report["answers"]["stopped"]

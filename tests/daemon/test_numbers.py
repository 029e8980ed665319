"""Numbers that cannot or must not be texted, as the provider tells it: at the submission, in a receipt, for a stop."""

import json
from datetime import UTC, datetime, timedelta

from support.aws import AT_ONCE
from support.processes import environment, other_side_of_the_clock, run
from support.salon import add_customer, apply_text, prices, rows
from support.seeds import phone, seed_campaign

from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.clock import SystemClock
from lumiere_sms.testing.twilio_faults import Faults, Refusal
from lumiere_sms.testing.twilio_server import TwilioServer

FIRST = 10_000_000  # the first number that Japan gives out
NEXT = "campaigns:\n  next: {segment: all, schedule: now, message: hello again}\n"


def test_a_landline_is_not_texted_again_and_refused_nothing_and_who_stopped_at_the_provider_did(
    database, database_url, user_id, tmp_path
):
    landline, carried, stopped = (phone(FIRST + number) for number in range(3))
    for number in (landline, carried, stopped):
        add_customer(database, user_id, number)
    now = datetime.now(UTC)
    seed_campaign(database, user_id, now=now, texts=3, first=FIRST, quiet_hours=other_side_of_the_clock())
    faults = Faults(by_phone={landline: Refusal(21614)}, fail_delivery=1, failure_codes=(30006,), deliver_after=AT_ONCE)

    with TwilioServer(faults) as server:
        server.reply(stopped, "STOP", at=now - timedelta(days=30))  # before anybody asked what people answer
        env = environment(tmp_path, database_url=database_url, server=server)
        done = run("run", "--once", env=env)
        listed = json.loads(run("suppression", "list", "--json", env=env).stdout)

    assert done.returncode == 0, done.stderr
    assert [text.phone for text in server.accepted] == [carried]
    became = {row["phone_number"]: (row["status"], row["error_code"]) for row in rows(database, "campaign_recipients")}
    assert became == {landline: ("failed", "21614"), carried: ("bounced", "30006"), stopped: ("suppressed", "21610")}
    assert [(row["reason"], row["source"]) for row in listed] == [
        ("landline", "provider"),
        ("landline", "provider"),
        ("opted_out", "provider"),
    ]
    refused = {row["phone_number"]: row["opt_out_date"] is not None for row in rows(database, "customers")}
    assert refused == {landline: False, carried: False, stopped: True}
    apply_text(database, tmp_path, NEXT, clock=SystemClock())
    (launched,) = launch_due(database, clock=SystemClock(), prices=prices)
    assert (launched.kept, launched.exclusions) == (0, {"suppressed": 2, "opted_out": 1})

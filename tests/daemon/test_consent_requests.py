"""Double opt-in through the real command: a text that asks, the yes in answer, and only then the advertising."""

import json

from support.aws import AT_ONCE
from support.processes import environment, other_side_of_the_clock, run
from support.salon import add_customer, apply_text, prices, rows, tenant_of
from support.seeds import phone

from lumiere_sms.campaigns.asking import request_consent
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.clock import SystemClock
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import TwilioServer

FAST = {"LUMIERE_SMS_PARTS_PER_SECOND": "200"}
FIRST = 10_000_000  # the first number that Japan gives out
NEWS = """
campaigns:
  news: {type: promotional, segment: all, schedule: now, message: News, send_rate_per_minute: 60000}
"""


def test_who_is_asked_and_says_yes_gets_advertising_from_then_on_and_nobody_else_does(
    database, database_url, user_id, tmp_path
):
    rules = {"quiet_hours": other_side_of_the_clock(), "windows": {"promotional": ["00:00-24:00"]}}
    change_rules(database, "default", rules, by="mika", now=None)
    for number in range(4):
        add_customer(database, user_id, phone(FIRST + number), external_id=f"C{number}", allow_promotional=False)
    for key in ("C1", "C2"):
        request_consent(database, tenant_of(database), key, "promotional", clock=SystemClock(), prices=prices)

    with TwilioServer(Faults(deliver_after=AT_ONCE)) as server:
        env = environment(tmp_path, database_url=database_url, server=server, **FAST)
        ended = [run("consent", "request", "C0", env=env), run("run", "--once", env=env)]
        asked = {text.phone: text.body for text in server.accepted}
        for number, body in enumerate(["はい", "YES", "STOP", "はい"]):
            server.reply(phone(FIRST + number), body)
        ended += [run("run", "--once", env=env), run("consent", "proof", "C0", "--json", env=env)]
    apply_text(database, tmp_path, NEWS, clock=SystemClock())
    launch_due(database, clock=SystemClock(), prices=prices)

    assert [each.returncode for each in ended] == [0] * 4, [each.stderr for each in ended]
    assert asked.keys() == {phone(FIRST + number) for number in (0, 1, 2)}
    written = rows(database, "campaign_recipients")
    advertised = {row["phone_number"] for row in written if row["personalized_content"] == "News"}
    assert advertised == {phone(FIRST), phone(FIRST + 1)}
    meanings = {row["phone_number"]: row["meaning"] for row in rows(database, "inbound_messages")}
    told = ["confirm", "confirm", "stop", "other"]  # the last one was asked nothing
    assert meanings == {phone(FIRST + number): meaning for number, meaning in enumerate(told)}
    (consent,) = json.loads(ended[-1].stdout)["people"][0]["consents"]
    assert (consent["purpose"], consent["source"], consent["wording"]) == ("promotional", "reply", asked[phone(FIRST)])
    assert consent["is_whole"]

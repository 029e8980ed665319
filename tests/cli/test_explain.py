import json
from functools import partial

import pytest
from support.salon import add_customer
from support.seeds import seed_campaign

from lumiere_sms.clock import SystemClock


@pytest.fixture
def command(command):
    return partial(command, "explain")


@pytest.fixture
def known(database, user_id):
    add_customer(database, user_id, "+819012345678", external_id="L1", visit_count=1, preferred_time="10:00-18:00")
    criteria = {"or": [{"field": "visit_count", "operator": "gte", "value": 2}]}
    now = SystemClock().now()
    seed_campaign(database, user_id, now=now, texts=0, criteria=criteria, status="scheduled")
    seed_campaign(database, user_id, now=now, texts=0, name="autumn", status="paused")


def test_every_rule_is_printed_with_its_fact(command, known):
    code, said, _ = command("L1", "spring")

    assert code == 0
    assert said.splitlines() == [
        "spring → L1 +81········78: gets no text: not in its segment",
        "",
        "✓ campaign  is scheduled, blast",
        "✗ segment   is for who its criteria hold for: not in it",
        "            ✗ one of these",
        "              ✗ visit_count gte 2  (theirs: 1)",
        "✓ phone     has a number",
        "✓ opt-out   nobody with the number has refused texts",
        "✓ consent   a blast asks for none",
    ]


def test_without_a_campaign_each_that_concerns_them_has_a_line(command, known):
    _, said, _ = command("090-1234-5678")

    assert [line.split()[0] for line in said.splitlines()[2:]] == ["autumn", "spring"]
    assert "would get a text, were it resumed" in said


def test_machines_get_json_and_phones_stay_masked_unless_asked_for(command, known):
    masked, whole = (json.loads(command("L1", "autumn", "--json", *more)[1]) for more in ((), ("--show-phones",)))

    assert (masked[0]["phone"], whole[0]["phone"]) == ("+81········78", "+819012345678")
    assert [each["rule"] for each in masked[0]["facts"] if each["verdict"] == "stops"] == ["campaign"]


def test_who_is_nobody_is_said_so(command, known):
    assert command("nobody", "spring")[::2] == (
        6,
        "error: no customer has this id, customer number or phone number\nhint: lumiere-sms customer list\n",
    )

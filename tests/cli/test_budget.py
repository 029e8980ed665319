import json
import re

import pytest
from support.budgets import arm_some, settle
from support.salon import define
from support.seeds import seed_campaign

from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.clock import SystemClock


def test_budgets_are_set_and_shown(command, database, user_id, golden):
    now = SystemClock().now()
    seeded = seed_campaign(database, user_id, now=now, texts=3)
    empty = command("budget", "show")
    said = [
        command("budget", "set", "100"),
        command("budget", "set", "25.50", "--campaign", "spring"),
        command("budget", "set", "80", "--month", "2131-04", "--currency", "usd"),
    ]
    settle(database, seeded, arm_some(database, seeded, texts=2, now=now), Outcome.ACCEPTED, now=now)
    arm_some(database, seeded, texts=1, now=now)

    shown, listed = command("budget", "show"), command("budget", "show", "--json")

    assert empty == (0, "", "no budgets: nothing limits what is spent\n")
    assert said == [
        (0, "", "every month: 100 USD at most\n"),
        (0, "", "spring: 25.50 USD at most\n"),
        (0, "", "2131-04: 80 USD at most\n"),
    ]
    golden("budget_show.txt", re.sub(r"\b20\d\d-\d\d", "this-mo", shown[1]))
    spring = json.loads(listed[1])[-1]
    assert (spring["scope"], spring["name"], spring["left"]) == ("campaign", "spring", "25.4700")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["0"], 2, "a budget of 0 would let nothing go; nothing was changed", id="zero"),
        pytest.param(["--", "-5"], 2, '"-5" is no amount below 1,000,000,000 with at most four', id="negative"),
        pytest.param(["1e9"], 2, '"1e9" is no amount', id="no number"),
        pytest.param(["1000000000"], 2, "is no amount below 1,000,000,000", id="absurd"),
        pytest.param(["0.00001"], 2, '"0.00001" is no amount', id="too fine"),
        pytest.param(["5", "--currency", "JPY"], 5, "a budget in JPY cannot be kept: the prices are in USD", id="yen"),
        pytest.param(["5", "--month", "2020-01"], 5, "2020-01 is over", id="a month that is over"),
        pytest.param(["5", "--month", "May"], 2, '"May" is no month', id="no month"),
        pytest.param(["5", "--campaign", "nobody"], 6, 'there is no campaign "nobody"', id="no campaign"),
        pytest.param(["5", "--campaign", "x", "--month", "2131-01"], 2, "not both", id="two scopes"),
    ],
)
def test_a_budget_that_cannot_be_is_refused_with_one_sentence(command, arguments, code, sentence):
    found, out, said = command("budget", "set", *arguments)

    assert (found, out) == (code, "")
    assert sentence in said
    assert command("budget", "show")[2] == "no budgets: nothing limits what is spent\n"


def test_a_definition_with_a_budget_is_applied_planned_and_dropped(command, database, tmp_path):
    text = 'campaigns:\n  spring: {message: hi, segment: all, schedule: "2131-04-01 13:00", budget: 5 usd}\n'
    define(tmp_path, text)
    file = str(tmp_path / "campaigns.yaml")

    command("apply", file)
    first = json.loads(command("budget", "show", "--json")[1])
    again = command("plan", file)[1].splitlines()[-1]
    define(tmp_path, text.replace(", budget: 5 usd", ""))
    changed = command("plan", file)[1]
    command("apply", file)

    assert [(each["name"], each["amount"], each["currency"]) for each in first] == [("spring", "5.0000", "USD")]
    assert again == "nothing to change"
    assert "budget: 5 USD → –" in changed
    assert json.loads(command("budget", "show", "--json")[1]) == []


@pytest.mark.parametrize(
    ("budget", "code", "sentence"),
    [
        pytest.param("5", 3, '"5" is no amount with its currency; write one like 25.00 USD', id="no currency"),
        pytest.param("0 USD", 3, "a budget of 0 would let nothing go", id="zero"),
        pytest.param("5 JPY", 5, "a budget in JPY cannot be kept: the prices are in USD", id="another currency"),
    ],
)
def test_a_definition_with_a_budget_that_cannot_be_is_refused(command, tmp_path, budget, code, sentence):
    define_text = f"campaigns:\n  spring: {{message: hi, segment: all, budget: {budget}}}\n"
    (tmp_path / "campaigns.yaml").write_text(define_text, encoding="utf-8")

    found, _, said = command("apply", str(tmp_path / "campaigns.yaml"))

    assert found == code
    assert sentence in said

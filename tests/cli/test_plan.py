import json
import re
from datetime import UTC, date, datetime

import pytest
from rich.cells import cell_len
from support.budgets import budget
from support.salon import add_customer, define, prices, tenant_of

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import scheduling
from lumiere_sms.campaigns.apply import apply
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.cli import output
from lumiere_sms.cli.plan_views import plan_text
from lumiere_sms.planning.plan import make_plan

TEXT = r"""
templates:
  spring:
    content: "{{ last_name | sama }}、春のキャンペーンのご案内です。\
      {{ offer }}でご予約いただけます。ご来店を心よりお待ちしております。サロン・ルミエール 停止 03-1234-5678"
    category: promotional
    variables: [offer]
segments:
  regulars: {filters: {visit_count: {min: 2}}}
campaigns:
  spring:
    type: promotional
    template: spring
    segment: regulars
    schedule: "2031-04-01 13:00"
    variables: {offer: 20%OFF}
  idea: {message: "Hello {{ first_name | default('you') }} – it’s 20% off", segment: all}
  soon: {message: "See you soon!", segment: all, schedule: "2031-04-01 20:30", send_rate_per_minute: 1}
"""


@pytest.fixture
def salon(database, user_id):
    for number in range(60):
        about = {"last_name": "田中" if number % 3 else None, "visit_count": number % 5, "first_name": "Mia"}
        add_customer(database, user_id, f"+8190{10_000_000 + number}", **about, last_visit_date=date(2031, 1, 1))
    add_customer(database, user_id, "+819020000001", last_name="佐藤" * 8, visit_count=9)
    add_customer(database, user_id, "+819020000002", last_name="佐藤", visit_count=9, allow_promotional=False)
    add_customer(database, user_id, "+819020000003", last_name="佐藤", opt_out_date=datetime(2026, 1, 1, tzinfo=UTC))
    with database.transaction() as connection:
        suppress(connection, user_id, "+819020000001", reason="blocked", source="operator", now=None)


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_reads_the_same_as_before(database, clock, tmp_path, salon, golden, width):
    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    golden(f"plan_{width}.txt", plan_text(plan, files="campaigns.yaml", width=width) + "\n")


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_over_an_applied_one_reads_the_same_as_before(database, clock, tmp_path, salon, golden, width):
    tenant = tenant_of(database)
    apply(database, tenant, define(tmp_path, TEXT), clock=clock)
    changed = TEXT.replace("20%OFF", "30%OFF").replace("min: 2", "min: 3").replace("お待ちして", "お待ち申し上げて")

    plan = make_plan(database, tenant, define(tmp_path, changed), clock=clock, prices=prices)

    golden(f"changed_plan_{width}.txt", plan_text(plan, files="campaigns.yaml", width=width) + "\n")


def test_a_plan_says_what_apply_refuses_what_is_over_and_what_reaches_nobody(
    database, user_id, clock, tmp_path, golden
):
    tenant = tenant_of(database)
    text = """
campaigns:
  over: {message: hi, segment: all, schedule: now}
  moved: {message: hi, segment: all, schedule: "2031-04-01 13:00"}
  mended: {message: hi, segment: all, schedule: "2031-04-01 13:00"}
"""
    apply(database, tenant, define(tmp_path, text), clock=clock)
    launch_due(database, clock=clock, prices=prices)
    for name in ("moved", "mended"):
        scheduling.schedule(database, tenant, name=name, at="2031-04-02 13:00", clock=clock)
    wanted = text.replace("message: hi, segment: all, schedule: now", "message: hello, segment: all, schedule: now")
    wanted += "  blocked: {message: 'Hi {{ coupon }}', segment: all}\n"

    refused = make_plan(database, tenant, define(tmp_path, wanted), clock=clock, prices=prices)
    overwriting = make_plan(database, tenant, define(tmp_path, wanted), clock=clock, prices=prices, overwrite=True)

    texts = [plan_text(plan, files="campaigns.yaml", width=100) for plan in (refused, overwriting)]
    golden("refused_plan_100.txt", "\n----\n".join(texts) + "\n")


def test_a_plan_says_what_is_left_of_each_budget_and_whether_the_campaign_fits(
    database, clock, tmp_path, salon, golden
):
    tenant = tenant_of(database)
    text = """
campaigns:
  fits: {message: hi, segment: all, budget: 50 USD, schedule: "2031-04-01 13:00"}
  pauses: {message: hi, segment: all, budget: 1 USD, schedule: "2031-04-02 13:00"}
  by command: {message: hi, segment: all, schedule: "2031-04-03 13:00"}
  strange: {message: hi, segment: all, budget: 500 JPY, schedule: "2031-05-03 13:00"}
"""
    apply(database, tenant, define(tmp_path, text.replace(", budget: 1 USD", "")), clock=clock)
    for amount, scope in (("7.00", {"month": "2031-04"}), ("4", {}), ("99", {"campaign": "by command"})):
        budget(database, amount, **scope, clock=clock)

    plan = make_plan(database, tenant, define(tmp_path, text), clock=clock, prices=prices)

    golden("budget_plan_100.txt", plan_text(plan, files="campaigns.yaml", width=100) + "\n")


def test_plan_then_apply_its_checksum_then_nothing_is_left(command, tmp_path, database, salon):
    define(tmp_path, TEXT)

    planned = command("plan", "campaigns.yaml", "--json", "--exit-code")
    checksum = json.loads(planned[1])["checksum"]
    applied = command("apply", "campaigns.yaml", "--checksum", checksum)
    again = command("plan", "campaigns.yaml", "--exit-code")
    twice = command("apply", "campaigns.yaml", "--checksum", checksum)

    assert planned[0] == 10
    assert (applied[0], applied[1].splitlines()) == (
        0,
        ["+ template spring", "+ segment regulars", "+ campaign spring", "+ campaign idea", "+ campaign soon"],
    )
    assert again[0] == 0
    assert again[1].splitlines()[-1] == "nothing to change"
    assert twice[:2] == (0, "nothing to change\n")


def test_a_plan_as_json_says_who_what_when_and_cost(command, tmp_path, database, salon):
    define(tmp_path, TEXT)

    code, out, _ = command("plan", "campaigns.yaml", "--json")

    plan = json.loads(out)
    spring = plan["campaigns"][0]
    assert (code, plan["is_empty"], [change["action"] for change in plan["changes"]]) == (0, False, ["create"] * 5)
    assert (spring["matched"], spring["kept"]) == (38, 24)
    assert spring["exclusions"] == {"missing_value:last_name": 12, "suppressed": 1, "no_consent": 1}
    assert (spring["parts"], spring["encodings"], spring["currency"]) == ({"2": 24}, {"ucs2": 24}, "USD")
    assert spring["cost"] == "4.0416"
    assert spring["starts_at"] == "2031-04-01T05:00:00+00:00"


def test_apply_with_a_stale_checksum_exits_5_and_changes_nothing(command, tmp_path, database):
    define(tmp_path, TEXT)

    code, _, said = command("apply", "campaigns.yaml", "--checksum", "000000000000")

    assert code == 5
    assert "the plan with checksum 000000000000 is no longer what would happen" in said
    assert command("apply", "campaigns.yaml", "--json")[0] == 0


def test_problems_of_a_file_exit_3_with_their_places(command, tmp_path, database):
    (tmp_path / "campaigns.yaml").write_text("campaigns:\n  a: {mesage: hi, segment: nobody}\n", "utf-8")

    code, _, said = command("plan", "campaigns.yaml")

    assert code == 3
    assert 'campaigns.yaml:2:7: unknown key "mesage"' in said
    assert 'there is no segment "nobody"' in said


PRICES = """
[twilio]
[twilio.countries]
JP = "0.08"
[aws]
as_of = 2026-11-01
currency = "USD"
default = "0.30"
[aws.countries]
JP = "0.07"
"""
KINDS = """
segments:
  regulars: {filters: {visit_count: {min: 2}}}
campaigns:
  sale:
    message: "Hello {{ first_name | default('you') }} – it’s 20% off, and a coffee with it for everybody, all week!"
    segment: all
    schedule: "2031-04-01 10:00"
    send_rate_per_minute: 30
    strategy: provider-balanced
  slow: {message: "Hi!", segment: all, schedule: "2031-04-01 20:30", send_rate_per_minute: 1, if_too_slow: spread}
  refused: {message: "See you soon!", segment: all, schedule: "2031-04-01 20:57", if_too_slow: refuse}
  weekly: {message: "Hi!", segment: regulars, schedule: {at: "2031-04-07 10:00", repeat: {type: weekly}}}
  careful: {message: "Hi!", segment: all, schedule: "2031-04-01 10:00", canary: {size: 10, wait: 2h}}
"""
TRIAL = """
campaigns:
  trial:
    segment: all
    schedule: "2031-04-01 10:00"
    variants: {A: {weight: 30, message: "Hello"}, B: {weight: 30, message: "Good day"}}
    winner: {metric: visits, after: 2d}
    holdout: 10%
"""


@pytest.fixture
def two_providers(monkeypatch, tmp_path):
    (tmp_path / "prices.toml").write_text(PRICES, encoding="utf-8")
    monkeypatch.setenv("LUMIERE_SMS_PRICES", str(tmp_path / "prices.toml"))
    monkeypatch.setenv("LUMIERE_SMS_PROVIDER", "twilio,aws")


@pytest.mark.parametrize("width", [80, 120])
def test_slots_strategies_and_proposals_read_the_same_as_before(
    command, monkeypatch, tmp_path, database, salon, two_providers, golden, width
):
    define(tmp_path, KINDS)
    monkeypatch.setattr(output, "PIPED_WIDTH", width)

    code, out, _ = command("plan", "campaigns.yaml", "--slots", "--compare-strategies", "--budget", "4.30")

    golden(f"plan_tables_{width}.txt", re.sub(r"checksum \w+", "checksum …", out))
    assert code == 0
    assert max(map(cell_len, out.splitlines()[:-2])) <= width


def test_a_plan_warns_of_what_would_expire(command, tmp_path, database, salon):
    define(tmp_path, KINDS.replace("if_too_slow: spread", "if_too_slow: expire"))

    _, out, _ = command("plan", "campaigns.yaml")

    assert "warning: slow: about 33 of 61 texts would expire unsent\n" in out


def test_slots_strategies_and_proposals_are_in_the_json(command, tmp_path, database, salon, two_providers):
    define(tmp_path, KINDS)

    _, out, _ = command("plan", "campaigns.yaml", "--compare-strategies", "--budget", "4.30 USD", "--json")

    sale = json.loads(out)["campaigns"][0]
    assert sale["slots"][-1]["done"] == sale["kept"]
    assert [each["strategy"] for each in sale["strategies"] if each["is_own"]] == ["provider-balanced"]
    answer = sale["budget_answer"]
    assert (answer["fits"], [each["fits"] for each in answer["proposals"]]) == (False, [True, False, False, False])
    assert [each["kind"] for each in answer["proposals"]] == ["both", "transliterate", "cheaper_route", "shorten"]


def test_a_trial_is_planned_by_its_wordings_and_waves(command, tmp_path, database, salon):
    define(tmp_path, TRIAL)

    _, shown, _ = command("plan", "campaigns.yaml", "--slots")
    _, out, _ = command("plan", "campaigns.yaml", "--json")

    (trial,) = json.loads(out)["campaigns"]
    variants = trial["variants"]
    assert sum(variants.values()) == trial["kept"] == 61 - trial["exclusions"].get("holdout", 0)
    wordings = f"wordings: A {variants['A']} · B {variants['B']}; {variants['']} get the winner by visits, 2d later"
    assert wordings in shown
    assert [slot["texts"] for slot in trial["slots"]] == [variants["A"] + variants["B"], variants[""]]


@pytest.mark.parametrize(
    ("budget", "refused", "said"),
    [
        ("0.01", 5, "a budget of 0.01 USD does not pay for one text of sale"),
        ("500 JPY", 5, "the budget is in JPY, the price list in USD"),
        ("much", 2, '--budget: "much" is no amount'),
        ("5 dollars", 2, "is no amount with its currency"),
    ],
)
def test_a_budget_that_is_none_is_refused_with_a_hint(command, tmp_path, database, salon, budget, refused, said):
    define(tmp_path, KINDS)

    code, out, err = command("plan", "campaigns.yaml", "--budget", budget)

    assert (code, out) == (refused, "")
    assert said in err
    assert "hint: " in err

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from support.runs import run_to_its_end
from support.salon import add_customer, apply_text, define, tenant_of

from lumiere_sms.errors import RefusedError
from lumiere_sms.messages.estimates import Money
from lumiere_sms.planning.plan import Questions, make_plan
from lumiere_sms.planning.proposing import FEWEST
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings
from lumiere_sms.simulation.wiring import Wiring

PRICES = """
[twilio]
[twilio.countries]
JP = "0.08"
[aws]
as_of = 2026-11-01
currency = "USD"
default = "0.30"
[aws.countries]
JP = "0.04"
"""
TEXT = """
campaigns:
  spring:
    message: "It’s spring – come and see us: {{ last_name }}, we have a new studio and a new team that you will like."
    segment: all
    schedule: "2026-03-16 10:00"
    send_rate_per_minute: 6000
"""


@pytest.fixture
def runtime(database_url, database, user_id, tmp_path):
    for number in range(100):
        visited = date(2026, 3, 15) - timedelta(days=number) if number < 90 else None
        add_customer(database, user_id, f"+8190{10_000_000 + number}", last_name="Mori", last_visit_date=visited)
    own = tmp_path / "prices.toml"
    own.write_text(PRICES)
    made = Runtime(Settings(tmp_path, database_url, provider="twilio,aws", prices=str(own), twilio_from="+15005550006"))
    yield made
    made.close()


def answer(runtime, clock, folder, budget, *, text=TEXT):
    tenant, definitions = tenant_of(runtime.database), define(folder, text)
    asked = Questions(budget=Money(Decimal(budget), "USD"))
    plan = make_plan(runtime.database, tenant, definitions, clock=clock, prices=runtime.way_prices, asked=asked)
    return plan.campaigns[0].budget_answer


def proposed(found):
    return [(each.kind, each.texts, each.cost, each.fits) for each in found.proposals]


def test_proposals_are_ranked_and_say_what_each_brings(runtime, clock, tmp_path):
    found = answer(runtime, clock, tmp_path, "10")

    assert (found.cost, found.texts, found.fits) == (16, 62, False)
    assert proposed(found) == [
        ("transliterate", 100, 8, True),
        ("cheaper_route", 100, 8, True),
        ("both", 100, 4, True),
        ("shorten", 100, 8, True),
        ("smaller_segment", 62, Decimal("9.92"), True),
    ]
    assert found.proposals[-1].says == "only who visited in the last 62 days: 38 people fewer get a text"


def test_what_does_not_fit_comes_after_what_does(runtime, clock, tmp_path):
    found = answer(runtime, clock, tmp_path, "5")

    assert [each.kind for each in found.proposals] == [
        "both",
        "smaller_segment",
        "transliterate",
        "cheaper_route",
        "shorten",
    ]
    assert [each.fits for each in found.proposals] == [True, True, False, False, False]


def test_what_fits_needs_no_proposal(runtime, clock, tmp_path):
    found = answer(runtime, clock, tmp_path, "16")

    assert (found.fits, found.texts, found.proposals) == (True, 100, ())


WRITTEN = {
    "transliterate": ("    message: ", "    template: spring\n    description: "),
    "cheaper_route": ("    segment: all\n", "    segment: all\n    routing: cheapest\n"),
    "both": ("    segment: all\n", "    segment: all\n    strategy: cost-optimized\n"),
    "smaller_segment": ("    segment: all\n", "    segment: all\n    filters: {last_visit_days: {max: 60}}\n"),
}


def test_each_proposal_that_is_written_down_is_planned_as_it_said(runtime, database, user_id, clock, tmp_path):
    for number in range(10):  # who costs more, who gets nothing for another reason
        about = {"last_name": "Llanfairpwllgwyngyll of the salon’s oldest friends" * 2, "visit_count": 1}
        add_customer(database, user_id, f"+8190{20_000_000 + number}", last_visit_date=date(2026, 3, 9), **about)
        add_customer(database, user_id, f"+8190{30_000_000 + number}", last_visit_date=date(2026, 3, 9))
    found = {each.kind: each for each in answer(runtime, clock, tmp_path, "12").proposals}
    message = re.search("message: (.*)", TEXT)[1]
    characters = int(re.search(r"(\d+) characters shorter", found["shorten"].says)[1])
    words = "we have a new studio and a new team that you will like."
    shorter = TEXT.replace(words, words[characters:])

    planned = {kind: TEXT.replace(*change) for kind, change in WRITTEN.items()} | {"shorten": shorter}
    template = f"templates:\n  spring: {{content: {message}, transliterate: true}}\n"
    planned["transliterate"] = template + planned["transliterate"]

    assert found["smaller_segment"].write == "filters: {last_visit_days: {max: 60}}"
    for kind, text in planned.items():
        then = answer(runtime, clock, tmp_path, "1000", text=text)
        assert (kind, then.texts, then.cost) == (kind, found[kind].texts, found[kind].cost)
    assert found["smaller_segment"].cost <= 12


def test_what_to_write_names_the_templates_that_a_campaign_tries_out(runtime, clock, tmp_path):
    message = re.search("message: (.*)", TEXT)[1]
    tried = "variants: {a: {template: one, weight: 50%}, b: {template: two, weight: 50%}}"
    templates = f"templates:\n  one: {{content: {message}}}\n  two: {{content: {message}}}\n"

    found = answer(runtime, clock, tmp_path, "10", text=templates + TEXT.replace(f"message: {message}", tried))

    write = {each.kind: each.write for each in found.proposals}
    assert (write["transliterate"], write["shorten"]) == ("transliterate: true (in the template)", "template: one, two")


def test_a_budget_for_one_text_of_three_pays_for_one(runtime, clock, tmp_path):
    few = TEXT.replace("segment: all", "segment: all\n    filters: {last_visit_days: {max: 3}}")
    cost = answer(runtime, clock, tmp_path, "1", text=few).cost

    assert answer(runtime, clock, tmp_path, cost / 3, text=few).texts == 1


def test_nobody_to_text_has_no_answer(runtime, clock, tmp_path):
    nobody = TEXT.replace("segment: all", "criteria: {field: visit_count, operator: gte, value: 99}")

    assert answer(runtime, clock, tmp_path, "10", text=nobody) is None


def test_a_budget_for_no_text_is_refused(runtime, clock, tmp_path):
    with pytest.raises(RefusedError, match="does not pay for one text of spring"):
        answer(runtime, clock, tmp_path, "0.15")


def test_shares_go_by_price_capacity_and_what_arrived(runtime, clock, tmp_path, user_id, database):
    late = TEXT.replace("10:00", "20:55").replace("    schedule", "    expires_after: 5m\n    schedule")
    before = answer(runtime, clock, tmp_path, "16", text=late)
    first = "campaigns: {old: {message: hi, segment: all, schedule: '2026-03-16 10:00', strategy: provider-balanced}}"
    apply_text(database, tmp_path, first, clock=clock, prices=runtime.way_prices)
    clock.advance(datetime(2026, 3, 16, 1, tzinfo=UTC) - clock.now())
    run_to_its_end(database, user_id, clock=clock, wiring=Wiring.of(runtime), tick=timedelta(seconds=30))
    with database.transaction() as connection:
        connection.execute("UPDATE submissions SET receipt_status = 'delivered', closed_at = started_at")
        connection.execute("UPDATE submissions SET receipt_status = 'failed' WHERE provider = 'aws'")

    after = answer(runtime, clock, tmp_path, "16", text=late)

    capacities = {each.provider: each.capacity for each in before.shares}
    assert capacities == {"twilio": 180, "aws": None}
    assert {each.provider: each.parts for each in before.shares} == {"twilio": 0, "aws": 200}
    assert {each.provider: (each.receipts >= FEWEST, each.delivery_rate) for each in after.shares} == {
        "twilio": (False, None),
        "aws": (True, 0),
    }
    assert {each.provider: each.parts for each in after.shares} == {"twilio": 180, "aws": 20}

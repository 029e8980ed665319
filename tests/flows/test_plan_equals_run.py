from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from support.runs import run_to_its_end
from support.salon import add_customer, apply_text, define, only, rows, tenant_of

from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.errors import RefusedError
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.runtime import Runtime
from lumiere_sms.sending import limits
from lumiere_sms.settings import Settings
from lumiere_sms.simulation.wiring import Wiring

SENDER = "+15005550006"
MINUTE = timedelta(minutes=1)
PRICES = """
[twilio]
[twilio.countries]
JP = "0.08"
US = "0.01"
[aws]
as_of = 2026-11-01
currency = "USD"
default = "0.30"
[aws.countries]
JP = "0.04"
US = "0.02"
"""


@pytest.fixture
def runtime(database_url, database, user_id, tmp_path):
    for number in range(40):
        add_customer(database, user_id, f"+8190{10_000_000 + number}", last_name="田中", visit_count=number)
    for number in range(3):
        add_customer(database, user_id, f"+1212555010{number}", last_name="Smith", timezone="America/New_York")
    own = tmp_path / "prices.toml"
    own.write_text(PRICES)
    made = []

    def make(provider: str = "twilio") -> Runtime:
        settings = Settings(tmp_path, database_url, provider=provider, prices=str(own), twilio_from=SENDER)
        made.append(Runtime(settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def planned(runtime, clock, folder, text):
    return make_plan(
        runtime.database, tenant_of(runtime.database), define(folder, text), clock=clock, prices=runtime.way_prices
    )


def ran(database, user_id, runtime, *, clock, folder, text, tick=MINUTE):
    apply_text(database, folder, text, clock=clock, prices=runtime.way_prices)
    clock.advance(datetime(2026, 3, 16, 1, 40, tzinfo=UTC) - clock.now())
    (launched,) = run_to_its_end(database, user_id, clock=clock, wiring=Wiring.of(runtime), tick=tick)
    return launched, rows(database, "campaign_recipients")


def by_slot(campaign, found):
    """Count what went by the slots of the plan."""
    sent = [row["sent_at"] for row in found if row["status"] == "sent"]
    return [sum(slot.starts_at <= at < slot.ends_at for at in sent) for slot in campaign.slots]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("type: promotional", id="between windows"),
        pytest.param("expires_after: 30m, if_too_slow: expire", id="too slow for its time"),
        pytest.param("window: 10:40-11:00", id="spread over days"),
        pytest.param("expires_after: 30m, if_too_slow: spread, window: 10:00-10:50", id="spread beyond its time"),
        pytest.param("window: '10:30-12:30', spread: window, send_rate_per_minute: 2", id="spread over its window"),
    ],
)
def test_people_texts_slots_and_cost_of_a_run_are_those_of_the_plan(database, user_id, runtime, clock, tmp_path, more):
    text = (
        "campaigns: {spring: {message: '{{ last_name }}, hello', segment: all, schedule: '2026-03-16 10:40',"
        f" {'' if 'per_minute' in more else 'send_rate_per_minute: 1, '}{more}}}}}"
    )
    one = runtime()
    if "type" in more:
        with database.transaction() as connection:
            connection.execute("UPDATE customers SET allow_promotional = true")
    (campaign,) = planned(one, clock, tmp_path, text).campaigns

    launched, found = ran(database, user_id, one, clock=clock, folder=tmp_path, text=text, tick=timedelta(seconds=30))

    status = Counter(row["status"] for row in found)
    assert (campaign.kept, campaign.exclusions) == (launched.kept, launched.exclusions)
    assert by_slot(campaign, found) == [slot.texts for slot in campaign.slots]
    assert status["sent"] == campaign.slots[-1].done == campaign.kept - campaign.expiring
    assert {row["personalized_content"] for row in found} <= {"田中, hello", "Smith, hello"}
    assert campaign.expires_at == max(row["expires_at"] for row in found)
    assert campaign.finishes_at == max(row["sent_at"] for row in found if row["sent_at"])
    prices = {"+8": Decimal("0.08"), "+1": Decimal("0.01")}
    assert campaign.cost == launched.cost_estimate == sum(prices[row["phone_number"][:2]] for row in found)


def test_a_senders_limits_by_minute_and_day_are_the_plans_too(database, user_id, runtime, clock, tmp_path):
    one = runtime()
    for outlet in Wiring.of(one).outlets:
        outlet.register(database)
    wish = limits.read_wish(per_minute="2", per_day="15", zone="Asia/Tokyo", now=clock.now())
    paced = {"provider": "twilio", "sender": SENDER, "default": SENDER, "parts_per_second": 1.0}
    limits.set_sender_limits(database, tenant_of(database), **paced, wish=wish)
    text = (
        "campaigns: {spring: {message: hello, segment: all, criteria: {field: visit_count, operator: gte, value: 5},"
        " schedule: '2026-03-16 10:40', window: '10:00-12:00', expires_after: 3d}}"
    )
    (campaign,) = planned(one, clock, tmp_path, text).campaigns

    _, found = ran(database, user_id, one, clock=clock, folder=tmp_path, text=text, tick=timedelta(seconds=30))

    assert (campaign.parts_per_minute, campaign.limit, campaign.parts_per_day) == (2, "provider", 15)
    assert [slot.texts for slot in campaign.slots] == by_slot(campaign, found)
    by_day = Counter(row["sent_at"].astimezone(ZoneInfo("Asia/Tokyo")).date() for row in found)
    assert sorted(by_day.values()) == [5, 15, 15]


@pytest.mark.parametrize(
    ("strategy", "pinned", "cost"),
    [
        ("time-optimized", ("weighted", ["twilio:10", "aws:100"]), None),
        ("cost-optimized", ("cheapest", ["twilio", "aws"]), Decimal("0.04") * 40 + Decimal("0.01") * 3),
        ("provider-balanced", ("round_robin", ["twilio", "aws"]), None),
    ],
)
def test_a_run_is_pinned_to_what_its_strategy_comes_to(
    database, user_id, runtime, clock, tmp_path, strategy, pinned, cost
):
    text = (
        f"campaigns: {{spring: {{message: 'it’s us', segment: all, schedule: '2026-03-16 10:40', strategy: {strategy},"
        " send_rate_per_minute: 600}}"
    )
    both = runtime("twilio,aws")
    (campaign,) = planned(both, clock, tmp_path, text).campaigns

    launched, found = ran(database, user_id, both, clock=clock, folder=tmp_path, text=text, tick=timedelta(seconds=1))

    definition = only(database, "campaign_occurrences")["definition"]
    assert (definition["routing"], definition["providers"]) == pinned
    assert campaign.cost == launched.cost_estimate
    taken = Counter(row["provider"] for row in found)
    shares = Counter({"twilio": 3, "aws": 40}) if cost else None
    assert taken == shares or (cost is None and set(taken) == {"twilio", "aws"})
    assert cost in {None, campaign.cost}
    plain = strategy == "cost-optimized"
    assert {row["personalized_content"] for row in found} == {"it's us" if plain else "it’s us"}
    assert campaign.encodings == ({"gsm7": 43} if plain else {"ucs2": 43})


@pytest.mark.parametrize("more", ["if_too_slow: refuse", "expires_after: 30m"])
def test_a_campaign_that_is_too_slow_and_may_not_be_spread_is_not_applied(
    database, user_id, runtime, clock, tmp_path, more
):
    text = (
        "campaigns: {spring: {message: hello, segment: all, schedule: '2026-03-16 20:30', send_rate_per_minute: 1,"
        f" {more}}}}}"
    )

    with pytest.raises(RefusedError, match=r"campaigns.yaml:1:13: campaign .spring.: it is too slow .* about 12 of"):
        apply_text(database, tmp_path, text, clock=clock, prices=runtime().way_prices)

    assert rows(database, "sms_campaigns") == []


def test_a_campaign_that_has_been_launched_is_not_too_slow_any_more(database, user_id, runtime, clock, tmp_path):
    text = "campaigns: {spring: {message: hello, segment: all, schedule: now, expires_after: 2h}}"
    prices = runtime().way_prices
    apply_text(database, tmp_path, text, clock=clock, prices=prices)
    launch_due(database, clock=clock, prices=prices)
    slower = text.replace("expires_after", "send_rate_per_minute: 1, expires_after").replace("2h", "5m")

    applied = apply_text(database, tmp_path, slower, clock=clock, prices=prices)

    assert [each.action for each in applied.changes] == ["update"]


def test_a_campaign_that_has_become_too_slow_is_paused_at_its_launch(database, user_id, runtime, clock, tmp_path):
    text = (
        "campaigns: {spring: {message: hello, segment: all, schedule: '2026-03-16 20:20', send_rate_per_minute: 2,"
        " if_too_slow: refuse}}"
    )
    prices = runtime().way_prices
    apply_text(database, tmp_path, text, clock=clock, prices=prices)
    for number in range(60):
        add_customer(database, user_id, f"+8190{20_000_000 + number}")
    clock.advance(timedelta(days=1, hours=11))

    (launched,) = launch_due(database, clock=clock, prices=prices)

    assert launched.problem.startswith("it is too slow for its windows: about 24 of its texts would expire")
    assert only(database, "sms_campaigns")["status"] == "paused"
    assert rows(database, "campaign_recipients") == []


def test_a_budget_that_pays_for_no_text_is_refused(database, user_id, runtime, clock, tmp_path):
    text = "campaigns: {spring: {message: hello, segment: all, budget: 0.05 USD, schedule: now}}"

    with pytest.raises(RefusedError, match=r"its budget of 0\.05 USD does not pay for one text"):
        apply_text(database, tmp_path, text, clock=clock, prices=runtime().way_prices)

from pathlib import Path

import pytest
from support.salon import add_customer, apply_text, define, tenant_of

from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.tenant_ways import change_ways, read_ways
from lumiere_sms.cli.plan_views import plan_text
from lumiere_sms.errors import DefinitionError
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings

TEXT = (
    "campaigns: {{spring: {{message: hello, segment: all, send_rate_per_minute: 9000{more}, schedule: {{at: now}}}}}}"
)
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
    for number, phone in enumerate(("+819000000001", "+819000000002", "+12125550003")):
        add_customer(database, user_id, phone, first_name=str(number))
    own = tmp_path / "prices.toml"
    own.write_text(PRICES)

    made = []

    def make(provider: str = "twilio,aws", routing: str = "primary") -> Runtime:
        settings = Settings(tmp_path, database_url, provider=provider, routing=routing, prices=str(own))
        made.append(Runtime(settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def planned(runtime: Runtime, clock, folder: Path, more: str = ""):
    definitions = define(folder, TEXT.format(more=more))
    return make_plan(runtime.database, tenant_of(runtime.database), definitions, clock=clock, prices=runtime.way_prices)


@pytest.mark.parametrize(
    ("provider", "routing", "more", "through", "cost"),
    [
        pytest.param("twilio", "primary", "", "", "0.17", id="one provider is not worth a word"),
        pytest.param("twilio,aws", "primary", "", "twilio; where it is not well, aws", "0.17", id="primary"),
        pytest.param("twilio,aws", "round_robin", "", "50% twilio, 50% aws", "0.135", id="round robin"),
        pytest.param("twilio:75,aws:25", "weighted", "", "75% twilio, 25% aws", "0.1525", id="weighted"),
        pytest.param(
            "twilio,aws", "cheapest", "", "the cheapest of twilio, aws for each destination", "0.09", id="cheapest"
        ),
        pytest.param("twilio,aws", "primary", ", providers: [aws]", "", "0.1", id="the campaign's own provider"),
        pytest.param("twilio", "primary", ", providers: [aws]", "nobody: of its providers", "0.17", id="nobody"),
    ],
)
def test_a_plan_says_through_whom_the_texts_go_and_what_that_costs(
    runtime, clock, tmp_path, provider, routing, more, through, cost
):
    plan = planned(runtime(provider, routing), clock, tmp_path, more)

    (campaign,) = plan.campaigns
    assert campaign.through.startswith(through)
    assert bool(campaign.through) is bool(through)
    assert f"{campaign.cost.normalize():f}" == cost
    assert (f"through {through}" in plan_text(plan, files="x.yaml", width=200)) is bool(through)


def test_the_launch_reckons_with_the_way_that_the_plan_showed(runtime, database, clock, tmp_path):
    there = runtime(routing="cheapest")
    (campaign,) = planned(there, clock, tmp_path).campaigns
    apply_text(database, tmp_path, TEXT.format(more=""), clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=there.way_prices)

    assert launched.cost_estimate == campaign.cost


def test_a_tenants_way_is_the_one_of_its_campaigns(runtime, database, clock, tmp_path):
    change_ways(database, "default", read_ways(providers="aws,twilio", routing="primary"), by="ken", now=None)

    (campaign,) = planned(runtime(), clock, tmp_path).campaigns

    assert campaign.through == "aws; where it is not well, twilio"


def test_two_that_share_the_texts_are_faster_than_one(runtime, clock, tmp_path):
    (alone,) = planned(runtime("aws"), clock, tmp_path).campaigns
    (shared,) = planned(runtime("aws,sns", "round_robin"), clock, tmp_path).campaigns

    assert shared.parts_per_minute == 2 * alone.parts_per_minute


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param(", providers: [twilio, twilo]", 'no provider "twilo"', id="a slip in a list"),
        pytest.param(", providers: twilo", 'no provider "twilo"', id="a slip alone"),
        pytest.param(", providers: [twilio, twilio]", "named twice", id="twice"),
        pytest.param(", routing: random", "routing", id="routing"),
    ],
)
def test_a_way_that_there_is_not_is_told_with_its_place(runtime, clock, tmp_path, written, said):
    with pytest.raises(DefinitionError, match=said) as caught:
        planned(runtime(), clock, tmp_path, written)

    assert caught.value.problems[0].line == 1


def test_a_definition_without_a_way_has_the_payload_that_it_had(tmp_path):
    (definition,) = define(tmp_path, TEXT.format(more="")).campaigns.values()

    assert not {"providers", "routing"} & definition.payload().keys()

import pytest

from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import DefinitionError


def read(folder, campaign):
    path = folder / "campaigns.yaml"
    path.write_text(f"campaigns:\n  spring: {campaign}\n", encoding="utf-8")
    return read_definitions([path]).campaigns["spring"]


@pytest.mark.parametrize(
    ("campaign", "said"),
    [
        pytest.param(
            "{message: hi, segment: all, strategy: cost-optimized, routing: primary}",
            '2:65: "strategy" and "routing" exclude each other',
            id="two ways to share texts out",
        ),
        pytest.param(
            "{message: hi, segment: all, routing: primary, strategy: cost-optimized}",
            '2:57: "routing" and "strategy" exclude each other',
            id="the second of them is told",
        ),
        pytest.param(
            "{message: hi, segment: all, strategy: time-optimized, spread: window}",
            '"spread: window" makes a text wait',
            id="soonest and spread out",
        ),
        pytest.param(
            "{message: hi, segment: all, strategy: fastest}", '"fastest" is not a strategy', id="an unknown strategy"
        ),
        pytest.param(
            "{message: hi, segment: all, if_too_slow: wait}", "refuse, spread or expire", id="an unknown choice"
        ),
        pytest.param(
            "{type: drip, segment: all, schedule: now, if_too_slow: spread, steps: [{message: hi}]}",
            "a drip takes people in day by day",
            id="a sequence is not too slow as a whole",
        ),
    ],
)
def test_what_contradicts_a_strategy_is_told_with_its_place(tmp_path, campaign, said):
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, campaign)

    assert said in str(caught.value)


@pytest.mark.parametrize("strategy", ["time-optimized", "cost-optimized", "provider-balanced"])
def test_a_strategy_goes_with_providers_and_with_what_becomes_of_slow_campaigns(tmp_path, strategy):
    campaign = read(
        tmp_path, f"{{message: hi, segment: all, strategy: {strategy}, providers: [twilio, aws], if_too_slow: spread}}"
    )

    assert (campaign.strategy, campaign.if_too_slow, campaign.is_plainly_written) == (
        strategy,
        "spread",
        strategy == "cost-optimized",
    )

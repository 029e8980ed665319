"""What a report says of an experiment, on people whose answers are made up with a known effect."""

import random
from uuid import UUID

import pytest

from lumiere_sms.analytics.trials import ahead_of, uplift_of
from lumiere_sms.campaigns.allocation import Trials
from lumiere_sms.campaigns.intervals import Share
from lumiere_sms.definitions.models import CampaignDefinition

RUNS = 400


def share(chance, rate, of):
    return Share(sum(chance.random() < rate for _ in range(of)), of)


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [
        pytest.param((0.10, 0.05), (400, 400), id="replies, even"),
        pytest.param((0.50, 0.40), (40, 40), id="few texts"),
        pytest.param((0.20, 0.20), (15, 15), id="no effect, very few texts"),
        pytest.param((0.30, 0.10), (12, 80), id="very few of one"),
        pytest.param((0.01, 0.01), (300, 300), id="no effect, rare"),
        pytest.param((0.98, 0.95), (200, 150), id="delivered, nearly all"),
    ],
)
def test_the_difference_of_two_wordings_covers_a_known_effect_in_93_of_100_runs_or_more(rates, sizes):
    chance, truth = random.Random(7), {"a": rates[0], "b": rates[1]}

    covered = 0
    for _ in range(RUNS):
        shares = {name: share(chance, truth[name], of) for name, of in zip("ab", sizes, strict=True)}
        (found,) = ahead_of(shares, "replies")
        covered += found.low <= truth[found.best] - truth[found.other] <= found.high

    assert covered / RUNS >= 0.93


@pytest.mark.parametrize(
    ("people", "holdout", "before", "after", "reached"),
    [
        pytest.param(1000, 10, 0.20, 0.30, 0.95, id="a salon with its lapsed customers"),
        pytest.param(150, 20, 0.10, 0.40, 0.9, id="small, large effect"),
        pytest.param(60, 50, 0.15, 0.15, 1.0, id="very small, no effect"),
        pytest.param(600, 5, 0.02, 0.05, 0.8, id="rare, few held out, many texts that fail"),
    ],
)
def test_the_uplift_covers_a_known_effect_in_93_of_100_runs_or_more(people, holdout, before, after, reached):
    chance, covered = random.Random(7), 0
    ids = [UUID(int=chance.getrandbits(128)) for _ in range(people)]

    for run in range(RUNS // 2):
        given = {"name": f"run {run}", "segment": "all", "message": "Hi", "holdout": holdout}
        allot = Trials.of(CampaignDefinition.model_validate(given)).allocator()
        held_out = sum(allot(one).is_held_out for one in ids)
        likely = reached * after + (1 - reached) * before
        found = uplift_of(share(chance, likely, people - held_out), share(chance, before, held_out))
        covered += found.low <= likely - before <= found.high

    assert covered / (RUNS // 2) >= 0.93


def test_what_is_thin_is_named_and_fewer_texts_than_are_wanted_decide_nothing():
    (few,) = ahead_of({"a": Share(30, 60), "b": Share(5, 60)}, "replies", least=80)
    (rare,) = ahead_of({"a": Share(3, 900), "b": Share(1, 900)}, "replies")
    (plenty,) = ahead_of({"a": Share(90, 900), "b": Share(30, 900)}, "replies")

    assert (few.best, few.low > 0, few.is_decided, few.thin) == ("a", True, False, 'only 60 of "a"')
    assert (rare.is_decided, rare.thin) == (False, "only 4 in all")
    assert (plenty.is_decided, plenty.thin) == (True, "")


def test_an_uplift_says_how_many_visits_it_comes_to():
    found = uplift_of(Share(300, 1000), Share(20, 100))

    assert (found.visits, found.is_decided, found.thin) == (100, True, "")
    assert found.visits_low < 100 < found.visits_high
    assert uplift_of(Share(3, 10), Share(0, 0)) is None

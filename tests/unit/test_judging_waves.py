import pytest

from lumiere_sms.campaigns.intervals import Share
from lumiere_sms.campaigns.judging_waves import comparisons, judge_canary, judge_trial
from lumiere_sms.definitions.trials import CanaryDefinition, WinnerDefinition

CANARY = CanaryDefinition.model_validate({"size": 50, "wait": "30m"})


def winner(**more):
    return WinnerDefinition.model_validate({"metric": "replies", "after": "1d", **more})


@pytest.mark.parametrize(
    ("gone", "failed", "opted_out", "problem"),
    [
        pytest.param(50, 2, 1, "", id="as much as is allowed"),
        pytest.param(50, 3, 0, "canary: 3 of 50 failed or bounced (6.0%), more than 5%", id="too many failed"),
        pytest.param(50, 0, 2, "canary: 2 of 50 opted out (4.0%), more than 2%", id="too many opted out"),
        pytest.param(0, 0, 0, "canary: none of its texts went", id="nobody got one"),
    ],
)
def test_a_canary_is_judged_by_its_rates(gone, failed, opted_out, problem):
    verdict = judge_canary({"texts": 50, "gone": gone, "failed": failed, "opted_out": opted_out}, CANARY)

    assert verdict.problem.partition(";")[0] == problem


def test_a_canary_for_which_nobody_was_there_holds_nothing_up():
    verdict = judge_canary({"texts": 0, "gone": 0, "failed": 0, "opted_out": 0}, CANARY)

    assert verdict.problem == ""


@pytest.mark.parametrize(
    ("shares", "more", "expected"),
    [
        pytest.param({"a": Share(60, 500), "b": Share(20, 500)}, {}, ("a", True), id="decided"),
        pytest.param({"a": Share(22, 500), "b": Share(20, 500)}, {}, ("a", False), id="undecided, the best"),
        pytest.param({"a": Share(22, 500), "b": Share(20, 500)}, {"if_undecided": "b"}, ("b", False), id="a fallback"),
        pytest.param({"a": Share(60, 90), "b": Share(2, 90)}, {}, ("a", False), id="too few texts"),
        pytest.param({"a": Share(0, 0), "b": Share(0, 0)}, {}, ("a", False), id="no texts at all"),
    ],
)
def test_a_winner_is_decided_only_where_the_interval_leaves_zero_out(shares, more, expected):
    verdict = judge_trial(shares, winner(**more))

    assert (verdict.winner, verdict.is_decided, verdict.problem) == (*expected, "")


def test_a_pause_names_the_best_so_far():
    verdict = judge_trial({"a": Share(20, 500), "b": Share(22, 500)}, winner(if_undecided="pause"))

    assert verdict.winner == "b"
    assert 'the rest "b", the best so far' in verdict.problem


def test_of_three_each_pair_is_asked_more_strictly():
    two = comparisons({"a": Share(40, 500), "b": Share(20, 500)})
    three = comparisons({"a": Share(40, 500), "b": Share(20, 500), "c": Share(20, 500)})

    assert three["b"].low < two["b"].low
    assert set(three) == {"b", "c"}

import pytest

from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import DefinitionError

TWO = "variants: {a: {weight: %s, message: hi}, b: {weight: %s, message: ho}}"
WINNER = "winner: {metric: replies, after: 2h%s}"


def read(folder, rules):
    path = folder / "campaigns.yaml"
    lines = "\n".join(f"    {rule}" for rule in ("segment: all", *rules))
    path.write_text(f"campaigns:\n  spring:\n{lines}\n", encoding="utf-8")
    return read_definitions([path]).campaigns["spring"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        pytest.param([TWO % (60, 60)], "4:5: the weights add up to 120%, not to 100%; make them 100%\n", id="too much"),
        pytest.param(
            [TWO % ("20%", "20%")],
            "4:5: the weights add up to 40%, not to 100%; make them 100%, or add winner: so that the rest gets",
            id="too little, and no winner for the rest",
        ),
        pytest.param(
            [TWO % (50, 50), WINNER % ""],
            "4:5: the weights add up to 100%, which leaves nobody for the winner",
            id="nobody left for the winner",
        ),
        pytest.param([TWO % (100, 0)], "4:59: a weight of 0% gets nobody; leave the variant out", id="nobody"),
        pytest.param([TWO % ("x%", 50)], '4:28: "x%" is no percentage; write one like 10%', id="no percentage"),
        pytest.param(
            ["message: hi", "holdout: 100%"], "5:14: 100% held out: nobody would get a text", id="all held out"
        ),
        pytest.param(["message: hi", "holdout: -5"], '5:14: "-5" is no percentage', id="less than nobody"),
        pytest.param(
            ["message: hi", WINNER % ""],
            '5:5: "winner" needs wordings to choose from; write variants:',
            id="no wordings",
        ),
        pytest.param(
            [TWO % (20, 20), WINNER % ", if_undecided: c"],
            '5:56: there is no variant "c"; write best, pause, or one of a, b',
            id="an unknown fallback",
        ),
        pytest.param([TWO % (20, 20), WINNER % ", min: 0"], "5:47: 0 is too small; 1 is the least", id="no minimum"),
        pytest.param(
            [TWO % (20, 20), "winner: {metric: opens, after: 2h}"],
            '5:22: "opens" is not a metric; write replies, clicks, visits or delivered',
            id="an unknown metric",
        ),
        pytest.param(
            ["variants: {a: {weight: 100, message: hi}}"], "4:5: there is nothing to compare it with", id="one alone"
        ),
        pytest.param(["variants: {}"], "4:5: there is nothing to compare it with; write two", id="none"),
        pytest.param(
            ["variants: {best: {weight: 50, message: hi}, b: {weight: 50, message: ho}}"],
            '4:16: "best" is no name for a variant',
            id="a name that means something else",
        ),
        pytest.param(
            ["message: hi", "canary: {size: 0, wait: 30m}"],
            "5:20: 0 is too small; 1 is the least",
            id="an empty canary",
        ),
        pytest.param(
            ["message: hi", "canary: {size: 20}"],
            '5:5: "wait" is missing; write wait: 30m',
            id="a canary without an end",
        ),
    ],
)
def test_what_makes_no_experiment_is_told_with_its_place_and_a_hint(tmp_path, rules, said):
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, rules)

    assert said in str(caught.value)


def test_thirds_are_all_and_a_winner_may_fall_back_on_a_wording(tmp_path):
    thirds = (
        "variants: {a: {weight: 33.33%, message: 1}, b: {weight: 33.33%, message: 2}, c: {weight: 33.33%, message: 3}}"
    )

    even = read(tmp_path, [thirds])
    rest = read(tmp_path, [TWO % (10, 10), WINNER % ", if_undecided: b"])

    assert sorted(even.variants) == ["a", "b", "c"]
    assert (rest.winner.if_undecided, rest.winner.min) == ("b", 100)

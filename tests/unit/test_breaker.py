import pytest

from lumiere_sms.sending.breaker import WINDOW, Breaker


def after(calls: list[tuple[float, float, bool]]) -> Breaker:
    breaker = Breaker()
    for ended, seconds, failed in calls:
        breaker.note(ended=ended, seconds=seconds, failed=failed, said="no connection")
    return breaker


def every(second: float, count: int, *, seconds: float = 0.1, failed: bool = True) -> list[tuple[float, float, bool]]:
    return [(second * number, seconds, failed) for number in range(count)]


def late(start: float, count: int) -> list[tuple[float, float, bool]]:
    return [(start + ended, seconds, failed) for ended, seconds, failed in every(0.1, count)]


@pytest.mark.parametrize(
    ("calls", "at", "opens"),
    [
        pytest.param(every(0.1, 4), 0.4, False, id="four failures"),
        pytest.param(every(0.1, 5), 0.4, True, id="five failures"),
        pytest.param([*every(0.1, 5), *every(0.1, 6, failed=False)], 1, False, id="less than half of the calls"),
        pytest.param([*every(0.1, 5, failed=False), *every(0.1, 5)], 1, True, id="half of the calls"),
        pytest.param(every(0.1, 5), WINDOW + 1, True, id="long ago, and nothing since"),
        pytest.param([*every(0.1, 5), (1, 0.1, False)], WINDOW + 1, False, id="long ago, and well since"),
        pytest.param(every(30, 5), 120, True, id="five in a row at one a half minute"),
        pytest.param([*every(0.1, 100, failed=False), *late(10, 5)], 10.5, False, id="five in a row among a hundred"),
        pytest.param([*every(0.1, 100, failed=False), *late(10, 9)], 11, True, id="and nothing else for a second"),
    ],
)
def test_a_provider_that_fails_half_of_five_calls_is_left_alone(calls, at, opens):
    assert bool(after(calls).verdict(at)) is opens


@pytest.mark.parametrize(
    ("calls", "waiting", "opens"),
    [
        pytest.param(every(0.1, 20, seconds=11, failed=False), (), True, id="all are slow"),
        pytest.param(every(0.1, 19, seconds=11, failed=False), (), False, id="too few to tell"),
        pytest.param(every(0.1, 40, seconds=9, failed=False), (), False, id="slow, but not that slow"),
        pytest.param(every(0.1, 18, failed=False), (11, 12), True, id="calls that have no answer yet"),
        pytest.param(every(0.1, 39, failed=False), (11, 1), False, id="one in forty"),
        pytest.param([], (11,) * 20, True, id="silence"),
    ],
)
def test_a_provider_of_which_the_slowest_twentieth_takes_over_ten_seconds_is_left_alone(calls, waiting, opens):
    assert bool(after(calls).verdict(4.0, waiting=waiting)) is opens


def test_a_check_that_fails_counts_as_a_call_that_does():
    breaker = after(every(0.1, 1))
    for second in range(4):
        breaker.note_failed_check(ended=second, said="nobody there")

    assert breaker.verdict(4.0) == "nobody there"


def test_what_is_forgotten_is_held_against_nobody():
    breaker = after(every(0.1, 5))

    breaker.forget()

    assert (breaker.verdict(1.0), breaker.is_suspicious(1.0)) == ("", False)

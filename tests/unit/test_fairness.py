from collections import Counter

from lumiere_sms.sending.fairness import Fairness


def serve(fairness: Fairness, priorities: dict[str, str], times: int) -> Counter[str]:
    served: Counter[str] = Counter()
    for _ in range(times):
        fairness.settle_on(list(priorities))
        first = min(priorities, key=lambda key: fairness.rank(key, priorities[key]))
        fairness.charge(first, priorities[first], parts=1)
        served[first] += 1
    return served


def test_urgent_goes_strictly_first():
    assert serve(Fairness(), {"now": "urgent", "offer": "high"}, 20) == {"now": 20}


def test_high_normal_and_low_share_four_to_two_to_one():
    served = serve(Fairness(), {"a": "high", "b": "normal", "c": "low"}, 700)

    assert served == {"a": 400, "b": 200, "c": 100}


def test_who_comes_later_starts_beside_the_others_and_does_not_catch_up():
    fairness = Fairness()
    serve(fairness, {"old": "normal"}, 100)

    assert serve(fairness, {"old": "normal", "new": "normal"}, 10) == {"old": 5, "new": 5}


def test_who_stops_waiting_is_forgotten():
    fairness = Fairness()
    serve(fairness, {"old": "normal"}, 100)
    serve(fairness, {"other": "normal"}, 1)

    assert serve(fairness, {"old": "normal", "other": "normal"}, 11) == {"old": 6, "other": 5}

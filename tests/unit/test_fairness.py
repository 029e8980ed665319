from collections import Counter
from uuid import UUID

from lumiere_sms.sending.fairness import Turns

GINZA, SHIBUYA = UUID(int=1), UUID(int=2)
Run = tuple[UUID, UUID, str]


def run(number: int, priority: str = "normal", *, of: UUID = GINZA) -> Run:
    return of, UUID(int=100 + number), priority


def serve(turns: Turns, waiting: list[Run], times: int) -> list[int]:
    """Serve a part at a time and return how many each got, in order."""
    served: Counter[Run] = Counter()
    for _ in range(times):
        turns.settle_on((user_id, occurrence_id) for user_id, occurrence_id, _ in waiting)
        first = min(waiting, key=lambda each: turns.rank(*each))
        turns.charge(*first, parts=1)
        served[first] += 1
    return [served[each] for each in waiting]


def test_urgent_goes_strictly_first_whoever_it_is():
    assert serve(Turns(), [run(1, "high"), run(2, "urgent", of=SHIBUYA)], 20) == [0, 20]


def test_high_normal_and_low_share_four_to_two_to_one():
    assert serve(Turns(), [run(1, "high"), run(2, "normal"), run(3, "low")], 700) == [400, 200, 100]


def test_tenants_share_alike_however_many_campaigns_and_whichever_priority_each_has():
    waiting = [run(1, "high"), run(2, "high"), run(3, "high"), run(4, "low", of=SHIBUYA)]

    assert serve(Turns(), waiting, 600) == [100, 100, 100, 300]


def test_who_comes_later_starts_beside_the_others_and_does_not_catch_up():
    turns, old, new = Turns(), run(1), run(2)
    serve(turns, [old], 100)

    assert serve(turns, [old, new], 10) == [5, 5]


def test_who_stops_waiting_is_forgotten():
    turns, old, other = Turns(), run(1), run(2)
    serve(turns, [old], 100)
    serve(turns, [other], 1)

    assert serve(turns, [old, other], 11) == [6, 5]


def test_a_tenant_that_could_not_go_for_its_own_pace_saves_up_nothing():
    turns, held_back, busy = Turns(), run(1), run(2, of=SHIBUYA)
    for _ in range(100):
        turns.settle_on([held_back[:2], busy[:2]])
        turns.excuse(GINZA)
        turns.charge(*busy, parts=1)

    assert serve(turns, [held_back, busy], 10) == [6, 4]


def test_a_campaign_that_could_not_go_for_its_own_pace_saves_up_nothing():
    turns, held_back, busy = Turns(), run(1), run(2)
    for _ in range(100):
        turns.settle_on([held_back[:2], busy[:2]])
        turns.excuse(*held_back[:2])
        turns.charge(*busy, parts=1)

    assert serve(turns, [held_back, busy], 10) == [6, 4]

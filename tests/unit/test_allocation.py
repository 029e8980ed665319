from collections import Counter
from hashlib import md5
from math import sqrt
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.campaigns.allocation import Trials, Wave
from lumiere_sms.definitions.models import CampaignDefinition

PEOPLE = [UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128) for number in range(20_000)]


def campaign(*, name="spring", weights=(50, 50), **more):
    variants = {f"v{place}": {"weight": weight, "message": "Hi"} for place, weight in enumerate(weights)}
    return CampaignDefinition.model_validate({"name": name, "segment": "all", "variants": variants, **more})


def lots_of(definition, people):
    return list(map(Trials.of(definition).allocator(), people))


def shares(definition):
    return Counter(
        "holdout" if lot.is_held_out else "rest" if lot.is_rest else lot.variant for lot in lots_of(definition, PEOPLE)
    )


@settings(max_examples=25)
@given(st.text(min_size=1, max_size=8, alphabet="abcdefg"), st.integers(1, 98), st.integers(0, 50))
def test_weights_and_hold_out_hold_within_binomial_bounds(name, weight, holdout):
    found = shares(campaign(name=name, weights=(weight, 100 - weight), holdout=holdout))

    kept = 1 - holdout / 100
    for key, share in (("holdout", 1 - kept), ("v0", kept * weight / 100), ("v1", kept * (1 - weight / 100))):
        bound = 5.5 * sqrt(len(PEOPLE) * share * (1 - share)) + 1
        assert abs(found[key] - len(PEOPLE) * share) <= bound


def test_who_is_where_never_changes():
    found = lots_of(campaign(holdout=20), PEOPLE[:8])

    assert [(lot.variant, lot.is_held_out) for lot in found] == STABLE


def test_a_larger_hold_out_moves_nobody_from_one_wording_to_another():
    small, large = (Trials.of(campaign(holdout=share)).allocator() for share in (5, 30))

    pairs = [(small(person), large(person)) for person in PEOPLE[:2000]]

    assert all(one.variant == two.variant for one, two in pairs)
    assert all(two.is_held_out for one, two in pairs if one.is_held_out)


def test_who_is_held_out_says_nothing_of_the_wording():
    lots = lots_of(campaign(weights=(30, 70), holdout=50), PEOPLE)

    held_out = Counter(lot.variant for lot in lots if lot.is_held_out)
    share = held_out["v0"] / held_out.total()
    assert abs(share - 0.3) < 5 * sqrt(0.3 * 0.7 / held_out.total())


def test_who_goes_first_as_canary_says_nothing_of_wording_or_hold_out():
    first = sorted(PEOPLE, key=lambda one: md5(f"spring{one}".encode(), usedforsecurity=False).hexdigest())[:4000]

    lots = Counter((lot.variant, lot.is_held_out) for lot in lots_of(campaign(weights=(30, 70), holdout=20), first))
    for (variant, is_held_out), count in lots.items():
        share = (0.3 if variant == "v0" else 0.7) * (0.2 if is_held_out else 0.8)
        assert abs(count - share * len(first)) < 5 * sqrt(len(first) * share * (1 - share))


def test_two_campaigns_share_people_out_independently():
    one, two = (Trials.of(campaign(name=name)).allocator() for name in ("spring", "summer"))

    same = sum(one(person).variant == two(person).variant for person in PEOPLE)

    assert abs(same - len(PEOPLE) / 2) < 5 * sqrt(len(PEOPLE)) / 2


def test_what_rounding_leaves_over_is_the_last_wordings_and_with_a_winner_the_rests():
    thirds = shares(campaign(weights=(33.33, 33.33, 33.33)))
    trial = shares(campaign(weights=(10, 10), winner={"metric": "replies", "after": "1d"}))

    assert set(thirds) == {"v0", "v1", "v2"}
    assert trial["rest"] == pytest.approx(0.8 * len(PEOPLE), rel=0.03)


def test_the_order_of_the_files_decides_nothing():
    forward = campaign(weights=(30, 70))
    backward = forward.model_copy(update={"variants": dict(reversed(forward.variants.items()))})

    assert lots_of(forward, PEOPLE[:50]) == lots_of(backward, PEOPLE[:50])


def test_a_wave_wants_its_own():
    lots = set(lots_of(TRIAL, PEOPLE[:500]))

    canary = {(lot.is_held_out, lot.is_rest) for lot in lots if Wave("canary").wants(lot)}
    trial = {(lot.is_held_out, lot.is_rest) for lot in lots if Wave("trial").wants(lot)}

    assert canary == {(False, False)}
    assert trial == {(False, False), (True, False)}
    assert {Wave("rest", winner="v1").variant_of(lot) for lot in lots if Wave("rest", winner="v1").wants(lot)} == {"v1"}


TRIAL = campaign(weights=(10, 10), holdout=10, winner={"metric": "replies", "after": "1d"})
STABLE = [
    ("v0", True),
    ("v1", False),
    ("v1", False),
    ("v1", False),
    ("v1", True),
    ("v1", False),
    ("v1", False),
    ("v0", False),
]

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lumiere_sms.campaigns.expecting import LONGEST_SPREAD, Pacing, expected, fit
from lumiere_sms.campaigns.freezing import Recipe, Tally
from lumiere_sms.campaigns.ways import Way, pinned
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.planning.slots import slots_of
from lumiere_sms.providers.prices import list_price
from lumiere_sms.schedule.departures import DailyLimit, Pace

TEN = datetime(2026, 3, 16, 1, tzinfo=UTC)  # in Tokyo
HOUR = timedelta(hours=1)
TENANT = Tenant(None, "default", "Lumiere", "Asia/Tokyo", "JP", "JPY", None)


def campaign(**more):
    return CampaignDefinition.model_validate({"name": "spring", "segment": "all", "message": "hi", **more})


def recipe_of(definition, *, wish=TEN):
    return Recipe.of(definition, Content("hi"), tenant=TENANT, wish=wish)


def tally(texts, *, parts=1, opens_at=TEN, hours=11.0, zone="Asia/Tokyo", country="JP", variants=None):
    key = zone, country, None, opens_at, opens_at + timedelta(hours=hours), parts
    return Tally(waiting=Counter({key: texts}), variants=Counter(variants or {"": texts}))


def way(paces, takes, *, tenant_pace=None):
    providers = tuple(paces)
    prices, rate = lambda country: list_price("twilio", country), sum(each.parts_per_second for each in paces.values())
    return Way("weighted", providers, {}, prices, rate, "", providers, paces, tenant_pace, takes)


def test_providers_side_by_side_each_go_at_their_own_pace():
    both = way({"slow": Pace(1), "fast": Pace(9)}, lambda _: {"slow": 0.1, "fast": 0.9})
    definition = campaign(send_rate_per_minute=60_000)

    found = expected(tally(10_000), recipe_of(definition), pacing=Pacing(definition, both))

    assert (found.expired, found.finishes_at) == (0, TEN + timedelta(seconds=999, microseconds=888_889))
    assert Counter(round(stretch.seconds, 3) for stretch in found.stretches) == {1.0: 1, 0.111: 1}


def test_a_campaigns_own_pace_is_shared_by_its_providers():
    both = way({"slow": Pace(100), "fast": Pace(900)}, lambda _: {"slow": 0.1, "fast": 0.9})
    definition = campaign(send_rate_per_minute=60)

    pacing = Pacing(definition, both)
    found = expected(tally(600), recipe_of(definition), pacing=pacing)

    assert (pacing.limit, pacing.parts_per_second) == ("campaign", 1)
    assert found.finishes_at == TEN + timedelta(seconds=599)


def test_a_tenants_pace_binds_and_is_told():
    one = way({"fast": Pace(100)}, lambda _: {"fast": 1.0}, tenant_pace=Pace(0.5))
    definition = campaign()

    pacing = Pacing(definition, one)

    assert (pacing.limit, pacing.parts_per_second) == ("tenant", 0.5)
    assert expected(tally(60), recipe_of(definition), pacing=pacing).finishes_at == TEN + timedelta(seconds=118)


def test_a_senders_day_is_kept():
    one = way({"fast": Pace(1, DailyLimit(100, ZoneInfo("Asia/Tokyo")))}, lambda _: {"fast": 1.0})
    definition = campaign()

    pacing = Pacing(definition, one)
    found = expected(tally(150), recipe_of(definition), pacing=pacing)

    assert (pacing.parts_per_day, found.expired) == (100, 50)


def test_what_rounding_leaves_of_a_share_is_somebodys():
    three = way({name: Pace(10) for name in "abc"}, lambda _: dict.fromkeys("abc", 1 / 3))
    definition = campaign(send_rate_per_minute=60_000)

    found = expected(tally(1001), recipe_of(definition), pacing=Pacing(definition, three))

    assert sum(stretch.texts for stretch in found.stretches) == 1001


@pytest.mark.parametrize(
    ("more", "variants", "slots"),
    [
        pytest.param({"canary": {"size": 30, "wait": "2h"}}, {"": 100}, [30, 70], id="canary, then all"),
        pytest.param(
            {"variants": {"A": {"weight": 10, "message": "a"}, "B": {"weight": 10, "message": "b"}}, "message": None}
            | {"winner": {"metric": "visits", "after": "3h"}},
            {"A": 10, "B": 12, "": 78},
            [22, 78],
            id="trial, then the rest",
        ),
        pytest.param(
            {"variants": {"A": {"weight": 50, "message": "a"}, "B": {"weight": 50, "message": "b"}}, "message": None},
            {"A": 50, "B": 50},
            [100],
            id="variants without a winner",
        ),
        pytest.param(
            {"variants": {"A": {"weight": 10, "message": "a"}, "B": {"weight": 10, "message": "b"}}, "message": None}
            | {"winner": {"metric": "visits", "after": "3h"}, "canary": {"size": 5, "wait": "1h"}},
            {"A": 10, "B": 12, "": 78},
            [5, 17, 78],
            id="canary, trial, rest",
        ),
    ],
)
def test_later_waves_wait_for_their_decision(more, variants, slots):
    definition = campaign(**more, send_rate_per_minute=6000)

    found = expected(tally(100, variants=variants), recipe_of(definition), pacing=Pacing(definition, None))

    assert [slot.texts for slot in slots_of(found, zone="Asia/Tokyo")] == slots
    assert found.expired == 0


def test_a_wave_that_is_decided_on_after_the_end_expires():
    definition = campaign(canary={"size": 30, "wait": "20h"}, expires_after="2h", window="09:00-12:00")

    found = expected(tally(100, hours=2), recipe_of(definition), pacing=Pacing(definition, None))

    assert sum(stretch.texts for stretch in found.stretches) >= 30


@pytest.mark.parametrize("choice", [None, "spread"])
def test_a_slow_campaign_lasts_until_the_end_of_its_last_day(choice):
    definition = campaign(if_too_slow=choice, window="10:00-11:00", send_rate_per_minute=1)
    recipe = recipe_of(definition)

    found = fit(tally(100, hours=1), recipe, pacing=Pacing(definition, None))

    assert found.refusal == ""
    assert recipe.wish + found.recipe.expires_after == datetime(2026, 3, 17, 15, tzinfo=UTC)  # 58 a day: two days


def test_a_slow_campaign_lasts_no_longer_than_until_it_comes_up_again():
    definition = campaign(window="10:00-11:00", send_rate_per_minute=1)
    recipe, until = recipe_of(definition), TEN + timedelta(days=1, minutes=30)

    some = fit(tally(80, hours=1), recipe, pacing=Pacing(definition, None), until=until)
    more = fit(tally(100, hours=1), recipe, pacing=Pacing(definition, None), until=until)

    assert (some.refusal, recipe.wish + some.recipe.expires_after) == ("", until)
    assert more.recipe is recipe
    assert more.refusal == (
        "it is too slow for its windows: about 14 of its texts would expire, even if they are spread until"
        " 2026-03-17 10:30"
    )


def test_what_a_month_is_too_short_for_is_refused():
    definition = campaign(window="10:00-11:00", send_rate_per_minute=1)
    days = LONGEST_SPREAD.days

    fits, refused = (
        fit(tally(texts, hours=1), recipe_of(definition), pacing=Pacing(definition, None))
        for texts in (58 * days, 58 * days + 1)
    )

    assert fits.recipe.expires_after <= LONGEST_SPREAD
    assert "about 1 of its texts would expire, even if they are spread until 2026-04-16 10:00" in refused.refusal


def test_the_later_waves_of_a_slow_campaign_are_spread_too():
    definition = campaign(canary={"size": 10, "wait": "2h"}, window="10:00-11:00", send_rate_per_minute=1)
    recipe = recipe_of(definition)

    found = fit(tally(100, hours=1), recipe, pacing=Pacing(definition, None))

    assert found.refusal == ""
    assert recipe.wish + found.recipe.expires_after == datetime(2026, 3, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize("choice", [None, "expire", "refuse", "spread"])
def test_a_campaign_that_fits_is_left_as_it_is(choice):
    definition = campaign(if_too_slow=choice)
    recipe = recipe_of(definition)

    found = fit(tally(10), recipe, pacing=Pacing(definition, None))

    assert (found.recipe, found.refusal) == (recipe, "")


@pytest.mark.parametrize(
    ("more", "is_refused"),
    [
        pytest.param({"if_too_slow": "refuse"}, True, id="refused as it says"),
        pytest.param({"expires_after": "6m"}, True, id="refused since it says until when"),
        pytest.param({"expires_after": "6m", "if_too_slow": "expire"}, False, id="expires as it says"),
        pytest.param({"if_too_slow": "expire"}, False, id="expires as it says, on its day"),
    ],
)
def test_a_slow_campaign_expires_only_where_it_says_so(more, is_refused):
    definition = campaign(**more)
    recipe = recipe_of(definition)

    found = fit(tally(1000, hours=0.1), recipe, pacing=Pacing(definition, None))

    assert found.recipe is recipe
    assert ("about 760 of its texts would expire" in found.refusal) is is_refused


def test_a_run_is_pinned_only_to_what_was_resolved():
    plain, aimed = campaign(), campaign(strategy="time-optimized")
    two = way({"a": Pace(1), "b": Pace(1)}, lambda _: {"a": 1.0})

    assert pinned(plain, two) == plain
    assert pinned(aimed, None) == aimed
    assert (pinned(aimed, two).providers, pinned(aimed, two).routing) == (("a", "b"), "weighted")
    assert pinned(plain, two, expires_after=HOUR).expires_after == HOUR


@pytest.mark.parametrize("size", [1, 2, 5, 17])
def test_a_canary_takes_as_many_as_it_says_of_people_of_many_kinds(size):
    definition = campaign(canary={"size": size, "wait": "2h"}, send_rate_per_minute=60_000)
    people = Tally(variants=Counter({"": 30}))
    for number in range(10):
        people.waiting += tally(3, opens_at=TEN + timedelta(minutes=number)).waiting

    found = expected(people, recipe_of(definition), pacing=Pacing(definition, None, 1_000))

    assert sum(each.before(TEN + HOUR) for each in found.stretches) == size
    assert sum(each.texts for each in found.stretches) == 30

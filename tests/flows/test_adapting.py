import asyncio
from datetime import timedelta

import pytest
from support.seeds import seed_campaign, statuses

from lumiere_sms.database.tenants import find_tenant
from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.base import Action
from lumiere_sms.sending.limit_listing import list_limits
from lumiere_sms.sending.limits import read_wish, set_sender_limits
from lumiere_sms.testing.scripted import ScriptedProvider

SENDER = "+15005550006"
TOO_FAST = UnavailableError("Too Many Requests", code="20429", action=Action.CUT_PACE)


@pytest.fixture
def shown(database, clock):
    def read():
        tenant = find_tenant(database, "default")
        return next(each for each in list_limits(database, tenant, now=clock.now()) if each.name == SENDER)

    return read


def test_a_provider_that_says_too_fast_is_texted_more_slowly_by_all_and_the_pace_comes_back(
    database, user_id, clock, dispatcher_of, shown
):
    seed_campaign(database, user_id, now=clock.now(), texts=20)
    provider = ScriptedProvider([TOO_FAST] * 3)

    asyncio.run(dispatcher_of(provider, slots=4).run(once=True))
    cut = shown()
    clock.advance(timedelta(seconds=20))
    after_a_while = shown()
    clock.advance(timedelta(seconds=20))
    later = shown()

    assert (cut.per_second, cut.per_second_now) == (4000, 2800)
    assert "comes back by itself: Too Many Requests" in cut.why
    assert (after_a_while.per_second_now, later.per_second_now) == (4000, 4000)
    assert "Too Many Requests" not in later.why


def test_what_was_certainly_not_taken_counts_for_no_day(database, user_id, clock, dispatcher_of, shown):
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    refused = RejectedError("no", code="21614", action=Action.INVALID_NUMBER)

    asyncio.run(dispatcher_of(ScriptedProvider([refused, TOO_FAST])).run(once=True))

    assert statuses(database, user_id) == {"failed": 1, "pending": 1, "sent": 3}
    assert shown().used_today == 3


def test_a_days_limit_is_used_to_the_last_part_though_texts_are_refused(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=12)
    refused = [RejectedError("no", code="21614", action=Action.INVALID_NUMBER)] * 3
    provider = ScriptedProvider(refused)
    dispatcher = dispatcher_of(provider, slots=2)
    wish, tenant = read_wish(per_day="6"), find_tenant(database, "default")
    set_sender_limits(database, tenant, provider="scripted", sender=SENDER, wish=wish, parts_per_second=4000)

    for _ in range(2):
        asyncio.run(dispatcher.run(once=True))
        clock.advance(timedelta(seconds=30))
        dispatcher = dispatcher_of(provider, slots=2)

    assert len(provider.accepted) == 6
    assert statuses(database, user_id) == {"failed": 3, "pending": 3, "sent": 6}


def test_a_provider_that_names_a_time_is_left_alone_until_then(database, user_id, clock, dispatcher_of, shown):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    wait = UnavailableError("Too Many Requests", code="20429", action=Action.CUT_PACE, retry_after=7)
    provider = ScriptedProvider([wait])

    asyncio.run(dispatcher_of(provider, slots=1).run(once=True))
    asked, why = len(provider.submissions), shown().why
    clock.advance(timedelta(seconds=6))
    asyncio.run(dispatcher_of(provider, slots=1).run(once=True))
    in_between = len(provider.submissions)
    clock.advance(timedelta(seconds=61))
    asyncio.run(dispatcher_of(provider, slots=1).run(once=True))

    assert why.startswith("rests until 2026-03-15 10:00:07 JST: Too Many Requests")
    assert in_between == asked < 40
    assert statuses(database, user_id) == {"sent": 40}

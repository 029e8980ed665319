import asyncio
import random
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action
from lumiere_sms.providers.choices import Strategy, read_choices
from lumiere_sms.providers.prices import Rates, list_price
from lumiere_sms.sending import standings
from lumiere_sms.sending.ahead import Ahead
from lumiere_sms.sending.claiming import Claimer
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.host import Host
from lumiere_sms.sending.router import Router
from lumiere_sms.sending.routing import Route, point_of
from lumiere_sms.sending.senders import register_senders
from lumiere_sms.testing.scripted import ScriptedProvider

DOWN = UnavailableError("no connection")
TICK = 0.01


class First(ScriptedProvider):
    name = "first"


class Second(ScriptedProvider):
    name = "second"


@pytest.fixture
def lanes_of(database, clock) -> Callable[..., list[Dispatcher]]:
    def make(
        *providers: ScriptedProvider,
        strategy: Strategy = Strategy.PRIMARY,
        choices: Sequence[str] = ("first", "second"),
        rates: dict[str, Rates] | None = None,
        slots: int = 8,
    ) -> list[Dispatcher]:
        host = Host(database, new_id(), clock, random.Random(1))
        route = Route(strategy, read_choices(choices))
        senders = {each.name: f"{each.name}-sender" for each in providers}
        lanes = []
        for each in providers:
            register_senders(
                database,
                provider=each.name,
                default_sender=senders[each.name],
                parts_per_second=4000,
                primary=route.providers[0],
            )
            standings.register(database, each.name)
            router = Router(each.name, route, senders=senders, rates=rates)
            claimer = Claimer(host.daemon, provider=each.name, default_sender=senders[each.name], router=router)
            price = list_price("twilio", "JP")
            lanes.append(Dispatcher(host, each, claimer=claimer, price_of=lambda _, price=price: price, slots=slots))
            lanes[-1].health.tick = TICK
        return lanes

    return make


def drain(lanes: Sequence[Dispatcher], *, first: ScriptedProvider | None = None) -> None:
    """Let all lanes send at once; or the others when the `first` has been given a text."""

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(lanes[0].run(once=True))
            if first:
                await first.arrived(1)
            for lane in lanes[1:]:
                group.create_task(lane.run(once=True))

    asyncio.run(all_at_once())


def standing(database, provider: str) -> dict[str, object]:
    with database.transaction() as connection:
        found = connection.execute("SELECT state, reason, probes FROM provider_health WHERE provider = %s", [provider])
        return found.fetchone()


def phones(texts) -> list[str]:
    return sorted(each.to for each in texts)


def set_tenant(database, user_id, **columns) -> None:
    with database.transaction() as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE users SET {name} = %s WHERE id = %s", [value, user_id])


def test_texts_go_through_the_primary_alone_while_it_is_well(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=20)
    first, second = First(), Second()

    drain(lanes_of(first, second))

    assert (len(first.accepted), len(second.submissions)) == (20, 0)


def test_what_a_provider_refuses_for_everybody_leaves_through_the_next_in_the_same_pass(
    database, user_id, clock, lanes_of
):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    first, second = First([DOWN] * 1000), Second()

    drain(lanes_of(first, second))

    assert phones(second.accepted) == [phone(number) for number in range(40)]
    assert statuses(database, user_id) == {"sent": 40}
    assert standing(database, "first") == {"state": "open", "reason": "no connection", "probes": 0}


def test_one_text_is_enough_to_find_out_that_a_provider_is_down(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    first, second = First([DOWN] * 1000), Second()

    drain(lanes_of(first, second))

    assert (len(first.submissions), len(second.accepted)) == (5, 1)


def test_what_was_armed_when_a_provider_is_left_alone_leaves_through_the_other_in_the_same_pass(
    database, user_id, clock, lanes_of
):
    class FarAhead(Ahead):
        armed = claimed = 5

    class Refuses(First):
        async def submit(self, message):
            if self.submissions:
                while not lanes[0].health.is_open:  # noqa: ASYNC110 - it says so to nobody
                    await asyncio.sleep(TICK)
                await asyncio.sleep(0.3)  # the other has looked in vain and rests
            return await super().submit(message)

    seed_campaign(database, user_id, now=clock.now(), texts=6)
    no_account = RejectedError("the account is suspended", code="20003", action=Action.PAUSE_PROVIDER)
    first, second = Refuses([no_account]), Second()
    lanes = lanes_of(first, second, slots=1)
    lanes[0]._ahead = FarAhead(1)

    drain(lanes)

    assert (len(first.submissions), len(second.submissions)) == (2, 5)
    assert statuses(database, user_id) == {"sent": 6}


def test_a_text_in_doubt_never_goes_to_the_other_provider(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    first, second = First([UnknownOutcomeError("silence")] * 1000), Second()

    drain(lanes_of(first, second))

    doubtful = set(phones(first.submissions))
    assert doubtful.isdisjoint(phones(second.accepted))
    assert statuses(database, user_id) == {"sent": 40 - len(doubtful), "unknown": len(doubtful)}
    assert 5 <= len(doubtful) <= 24


def test_an_account_that_is_not_right_is_left_alone_at_the_first_word(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    refusal = UnavailableError("no permission", code="20003", action=Action.PAUSE_PROVIDER)
    first, second = First([refusal] * 1000), Second()

    drain(lanes_of(first, second, slots=1))

    assert (len(first.submissions) <= 3, len(second.accepted)) == (True, 40)  # what was armed meanwhile goes
    with database.transaction() as connection:
        alerts = connection.execute("SELECT kind, message FROM alerts").fetchall()
    assert alerts == [{"kind": "provider", "message": "no permission"}]


def test_a_person_who_refused_is_not_tried_through_the_other_provider(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    first, second = First([RejectedError("stop", code="21610", action=Action.OPT_OUT)]), Second()

    drain(lanes_of(first, second))

    assert (second.submissions, statuses(database, user_id)) == ([], {"suppressed": 1})


def test_a_sender_that_may_send_no_more_today_has_its_texts_sent_by_the_other(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=40)
    refusal = UnavailableError("daily limit", code="30023", action=Action.PAUSE_PROVIDER)
    first, second = First([refusal] * 1000), Second()

    drain(lanes_of(first, second, slots=1))

    assert (len(first.submissions) < 40, len(second.accepted)) == (True, 40)
    assert standing(database, "first")["state"] == "closed"


def test_where_no_provider_is_well_everybody_waits_and_the_reason_is_said(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=10)
    lanes = lanes_of(First([DOWN] * 1000), Second([DOWN] * 1000))

    drain(lanes)

    assert statuses(database, user_id) == {"pending": 10}
    assert "no connection" in {lane.why for lane in lanes}


def test_a_drained_provider_gets_nothing_new(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=10)
    first, second = First(), Second()
    lanes = lanes_of(first, second)
    with database.transaction() as connection:
        standings.set_drained(connection, "first", is_drained=True)

    drain(lanes)

    assert (len(first.submissions), len(second.accepted)) == (0, 10)


def come_back(database, clock, provider: str) -> None:
    """Leave a provider alone, and let it have answered one probe since."""
    with database.transaction() as connection:
        standings.leave_alone(connection, provider, reason="down", now=clock.now())
        standings.pass_probe(connection, provider, now=clock.now())
    clock.advance(standings.PROBE_EVERY)


def test_a_provider_that_is_back_is_tried_with_one_text_and_the_others_do_not_wait(database, user_id, clock, lanes_of):
    first, second = First(), Second()
    lanes = lanes_of(first, second, slots=1)
    come_back(database, clock, "first")
    seed_campaign(database, user_id, now=clock.now(), texts=60)

    drain(lanes, first=first)

    assert (len(first.accepted), len(second.accepted)) == (1, 59)
    assert standing(database, "first") == {"state": "probing", "reason": "down", "probes": 2}


def test_a_provider_that_fails_its_trial_is_left_alone_again(database, user_id, clock, lanes_of):
    first, second = First([DOWN]), Second()
    lanes = lanes_of(first, second, slots=1)
    come_back(database, clock, "first")
    seed_campaign(database, user_id, now=clock.now(), texts=60)

    drain(lanes, first=first)

    assert (len(first.submissions), len(second.accepted)) == (1, 60)
    assert standing(database, "first") == {"state": "open", "reason": "no connection", "probes": 0}


def test_after_three_answers_it_has_its_share_again(database, user_id, clock, lanes_of):
    first, second = First(), Second()
    lanes = lanes_of(first, second)
    come_back(database, clock, "first")
    with database.transaction() as connection:
        states = [standings.pass_probe(connection, "first", now=clock.now()) for _ in range(2)]
    seed_campaign(database, user_id, now=clock.now(), texts=20)

    drain(lanes)

    assert states == ["probing", "closed"]
    assert (len(first.accepted), len(second.accepted)) == (20, 0)


def test_texts_are_shared_by_the_phone_whatever_the_campaign(database, user_id, clock, lanes_of):
    first, second = First(), Second()
    for name in ("spring", "summer"):
        seed_campaign(database, user_id, now=clock.now(), texts=60, name=name)

    drain(lanes_of(first, second, strategy=Strategy.ROUND_ROBIN))

    mine = sorted(each for number in range(60) if point_of(each := phone(number)) < 5000)
    assert sorted(set(phones(first.accepted))) == mine
    assert (len(first.accepted), len(second.accepted)) == (2 * len(mine), 120 - 2 * len(mine))
    assert 20 < len(mine) < 40


def test_each_destination_goes_to_whoever_asks_least(database, user_id, clock, lanes_of):
    first, second = First(), Second()
    dear, cheap = Decimal("0.08"), Decimal("0.05")
    rates = {"first": Rates("USD", cheap, {"81": dear}), "second": Rates("USD", dear, {"81": cheap})}
    seed_campaign(database, user_id, now=clock.now(), texts=6)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET phone_number = '+1212555' || right(phone_number, 4)"
            " WHERE user_id = %s AND right(phone_number, 1)::int < 2",
            [user_id],
        )

    drain(lanes_of(first, second, strategy=Strategy.CHEAPEST, rates=rates))

    assert phones(first.accepted) == ["+12125550000", "+12125550001"]
    assert phones(second.accepted) == [phone(number) for number in range(2, 6)]


@pytest.mark.parametrize(
    ("tenant", "campaign", "taker"),
    [
        pytest.param({}, {}, "first", id="the setting"),
        pytest.param({"providers": ["second", "first"]}, {}, "second", id="the tenant's order"),
        pytest.param({"providers": ["second"]}, {"providers": ["first"]}, "first", id="the campaign's order"),
        pytest.param({}, {"providers": ["first:0", "second:10"], "routing": "weighted"}, "second", id="weights"),
    ],
)
def test_the_nearest_word_decides_the_route(database, user_id, clock, lanes_of, tenant, campaign, taker):
    first, second = First(), Second()
    set_tenant(database, user_id, **tenant)
    seed_campaign(database, user_id, now=clock.now(), texts=5, **campaign)

    drain(lanes_of(first, second))

    assert {each.name: len(each.accepted) for each in (first, second)}[taker] == 5


def test_a_campaign_of_which_no_provider_is_in_use_waits_and_the_reason_is_said(database, user_id, clock, lanes_of):
    seed_campaign(database, user_id, now=clock.now(), texts=5, providers=["third"])
    lanes = lanes_of(First(), Second())

    drain(lanes)

    assert statuses(database, user_id) == {"pending": 5}
    assert "none of its providers is in use" in lanes[0].why


def test_a_tenants_senders_are_those_of_each_provider(database, user_id, clock, lanes_of):
    set_tenant(database, user_id, sender="plain", senders=Jsonb({"second": "own"}))
    seed_campaign(database, user_id, now=clock.now(), texts=60)
    first, second = First(), Second()

    drain(lanes_of(first, second, strategy=Strategy.ROUND_ROBIN))

    assert {each.sender for each in first.accepted} == {"plain"}
    assert {each.sender for each in second.accepted} == {"own"}


def test_a_plain_sender_is_no_sender_of_the_other_provider(database, user_id, clock, lanes_of):
    set_tenant(database, user_id, sender="plain")
    seed_campaign(database, user_id, now=clock.now(), texts=5)
    first, second = First([DOWN] * 1000), Second()

    drain(lanes_of(first, second))

    assert {each.sender for each in second.accepted} == {"second-sender"}


def test_a_trial_is_one_text_however_many_wait(database, user_id, clock, lanes_of):
    (lane, _) = lanes_of(First(), Second())
    come_back(database, clock, "first")
    seed_campaign(database, user_id, now=clock.now(), texts=60)

    rounds = [lane._claimer.claim(database, slots=8, now=clock.now()) for _ in range(2)]

    assert [(each.is_trial, len(each.work)) for each in rounds] == [(True, 1), (False, 0)]

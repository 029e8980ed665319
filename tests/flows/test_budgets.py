import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from support.budgets import budget, sums
from support.salon import only, rows
from support.seeds import phone, price_of, seed_campaign, statuses

from lumiere_sms.campaigns import lifecycle
from lumiere_sms.database.connection import DatabaseLostError
from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.base import ReceiptStatus
from lumiere_sms.providers.prices import list_price
from lumiere_sms.sending.dispatcher import Dispatcher
from lumiere_sms.sending.polling import Poller
from lumiere_sms.testing.scripted import Lost, ScriptedProvider


@pytest.fixture
def dispatch(dispatcher_of):
    def run(provider: ScriptedProvider, **options: Any) -> None:
        asyncio.run(dispatcher_of(provider, **{"price_of": price_of, **options}).run(once=True))

    return run


def test_a_campaign_that_runs_out_pauses_with_the_reason_and_goes_on_with_more(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=8)
    budget(database, "0.05", campaign="spring", clock=clock)
    provider = ScriptedProvider()

    dispatch(provider)
    paused, out_of_money = only(database, "sms_campaigns"), statuses(database, user_id)
    budget(database, "0.10", campaign="spring", clock=clock)
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    dispatch(provider)

    assert (paused["status"], paused["status_by"]) == ("paused", "rule")
    assert paused["status_reason"] == (
        "the campaign's budget of 0.05 USD is used up: 0.00 USD left, the next text costs 0.01"
    )
    assert [alert["kind"] for alert in rows(database, "alerts")] == ["campaign_paused"]
    assert out_of_money == {"pending": 3, "sent": 5}
    assert statuses(database, user_id) == {"sent": 8}
    assert len(provider.submissions) == 8
    assert sums(database) == [("0.00", "0.08", "0.00")]


def test_what_was_not_accepted_leaves_its_money_to_the_next(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=4)
    budget(database, "0.03", campaign="spring", clock=clock)
    refused = RejectedError("no such number", code="21614")

    provider = ScriptedProvider([refused, UnavailableError("busy")])

    dispatch(provider, slots=1)
    clock.advance(timedelta(minutes=2))
    dispatch(provider, slots=1)

    assert statuses(database, user_id) == {"failed": 1, "sent": 3}
    assert sums(database) == [("0.00", "0.03", "0.00")]


def test_a_text_in_doubt_keeps_its_money(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "0.02", campaign="spring", clock=clock)

    dispatch(ScriptedProvider([Lost(accepted=True)]), slots=1)

    assert statuses(database, user_id) == {"pending": 1, "sent": 1, "unknown": 1}
    assert sums(database) == [("0.01", "0.01", "0.00")]


def test_parts_beyond_what_was_reserved_are_adjusted(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=1, parts=2)
    budget(database, "1", campaign="spring", clock=clock)

    class Divides(ScriptedProvider):
        async def submit(self, message):
            accepted = await super().submit(message)
            return type(accepted)(accepted.provider_message_id, parts=3)

    dispatch(Divides())

    assert sums(database) == [("0.00", "0.02", "0.01")]


def test_receipts_true_up_what_was_spent(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "1", campaign="spring", clock=clock)
    provider = ScriptedProvider(clock=clock)
    dispatch(provider)
    poller = Poller(database, provider, clock=clock, seconds_between=0)

    provider.report(phone(0), ReceiptStatus.DELIVERED, price=Decimal("0.05"))
    provider.report(phone(1), ReceiptStatus.DELIVERED, price=Decimal("0.005"))
    provider.report(phone(2), ReceiptStatus.DELIVERED, price=Decimal(9), currency="EUR")
    asyncio.run(poller.poll())
    asyncio.run(poller.poll())

    assert [row["spent"] for row in rows(database, "submissions", order="phone_number")] == [
        Decimal("0.05"),
        Decimal("0.005"),
        Decimal("0.01"),
    ]
    assert only(database, "budgets")["adjusted"] == Decimal("0.035")
    assert only(database, "alerts")["message"] == (
        "scripted bills in EUR, in which no budget is kept: budgets count its list prices"
    )


class Flaky(Dispatcher):
    """Loses its first arm when it is committed."""

    reconnect = 0.05
    loses = True

    def _arm_now(self, user_id, work):
        armed = super()._arm_now(user_id, work)
        if self.loses:
            self.loses = False
            raise DatabaseLostError("the connection broke")
        return armed


def test_an_arm_whose_commit_is_in_doubt_gives_its_money_back(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "0.02", campaign="spring", clock=clock)

    dispatch(ScriptedProvider(), kind=Flaky)
    clock.advance(timedelta(seconds=6))
    dispatch(ScriptedProvider())

    assert statuses(database, user_id) == {"sent": 2}
    assert sums(database) == [("0.00", "0.02", "0.00")]


@pytest.mark.parametrize(
    ("price_of", "reason"),
    [
        pytest.param(
            lambda _: list_price("nobody", "JP"),
            'there is no price list for provider "nobody"; without a price no budget can be kept',
            id="no price",
        ),
        pytest.param(
            lambda _: replace(list_price("scripted", "JP"), currency="EUR"),
            "the campaign's budget is in USD, the prices are in EUR",
            id="another currency",
        ),
    ],
)
def test_what_cannot_be_counted_is_not_sent(database, user_id, clock, dispatch, price_of, reason):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "1", campaign="spring", clock=clock)
    provider = ScriptedProvider()

    dispatch(provider, price_of=price_of)

    assert provider.submissions == []
    assert only(database, "sms_campaigns")["status_reason"] == reason


def test_a_text_without_a_price_is_sent_where_no_budget_needs_one(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=1)

    dispatch(ScriptedProvider(), price_of=partial(list_price, "nobody"))

    assert only(database, "campaign_recipients")["cost"] is None
    assert statuses(database, user_id) == {"sent": 1}


def test_what_costs_nothing_needs_no_budget(database, user_id, clock, dispatch):
    seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "0.01", campaign="spring", clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE budgets SET adjusted = 5")

    dispatch(ScriptedProvider(), price_of=lambda _: list_price("console", "JP"))

    assert statuses(database, user_id) == {"sent": 3}

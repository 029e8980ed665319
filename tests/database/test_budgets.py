import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from support.budgets import arm_some, ask_for, budget, settle, sums
from support.seeds import arm, phone, seed_campaign, statuses

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import budgets, recipients
from lumiere_sms.campaigns.budget_listing import list_budgets
from lumiere_sms.campaigns.recipients import Outcome
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import create_tenant, find_tenant
from lumiere_sms.errors import RefusedError
from lumiere_sms.sending.sweeping import sweep
from lumiere_sms.testing.clocks import FrozenClock


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        pytest.param(Outcome.ACCEPTED, ("0.00", "0.03", "0.00"), id="accepted is spent"),
        pytest.param(Outcome.REJECTED, ("0.00", "0.00", "0.00"), id="rejected is given back"),
        pytest.param(Outcome.UNAVAILABLE, ("0.00", "0.00", "0.00"), id="unavailable is given back"),
        pytest.param(Outcome.NOT_SENT, ("0.00", "0.00", "0.00"), id="not sent is given back"),
        pytest.param(Outcome.UNKNOWN, ("0.03", "0.00", "0.00"), id="unknown stays reserved"),
    ],
)
def test_the_arm_reserves_and_the_answer_decides_once(database, user_id, clock, outcome, after):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "1", campaign="spring", clock=clock)

    armed = arm_some(database, seeded, texts=3, now=clock.now())
    reserved = sums(database)
    settle(database, seeded, armed, outcome, now=clock.now())
    settle(database, seeded, armed, outcome, now=clock.now())

    assert reserved == [("0.03", "0.00", "0.00")]
    assert sums(database) == [after]


def test_an_attempt_that_is_settled_is_not_settled_otherwise(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    budget(database, "1", campaign="spring", clock=clock)
    armed = arm_some(database, seeded, texts=1, now=clock.now())

    settle(database, seeded, armed, Outcome.ACCEPTED, now=clock.now())
    settle(database, seeded, armed, Outcome.NOT_SENT, now=clock.now())

    assert sums(database) == [("0.00", "0.01", "0.00")]


def test_a_text_that_was_given_back_and_was_accepted_after_all_counts_even_where_no_room_is_left(
    database, user_id, clock
):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "0.01", campaign="spring", clock=clock)
    lost = arm_some(database, seeded, texts=1, now=clock.now())
    with database.transaction() as connection:
        budgets.release(connection, user_id, [each.attempt_id for each in lost], now=clock.now())
    settle(database, seeded, arm_some(database, seeded, texts=1, now=clock.now()), Outcome.ACCEPTED, now=clock.now())

    settle(database, seeded, lost, Outcome.ACCEPTED, now=clock.now())
    settle(database, seeded, lost, Outcome.ACCEPTED, now=clock.now())

    assert sums(database) == [("0.00", "0.01", "0.01")]


def test_what_the_reaper_finds_in_doubt_stays_reserved_until_somebody_decides(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "1", campaign="spring", clock=clock)
    here, there = arm_some(database, seeded, texts=2, now=clock.now())

    clock.advance(recipients.LEASE + timedelta(seconds=1))
    sweep(database, clock=clock)
    in_doubt = sums(database)
    with database.transaction() as connection:
        budgets.commit(connection, user_id, [here.attempt_id], now=clock.now())
        budgets.release(connection, user_id, [there.attempt_id], now=clock.now())

    assert statuses(database, user_id) == {"unknown": 2}
    assert in_doubt == [("0.02", "0.00", "0.00")]
    assert sums(database) == [("0.00", "0.01", "0.00")]


def test_twenty_workers_with_a_budget_for_a_hundred_send_a_hundred(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=150, parts=2)
    budget(database, "2", campaign="spring", clock=clock)
    short = []

    def work():
        for _ in range(3):
            daemon = new_id()
            with database.transaction() as connection:
                asked = ask_for(connection, seeded, daemon=daemon, limit=5, now=clock.now())
            with database.transaction() as connection:
                armed = arm(connection, user_id, asked, daemon=daemon, now=clock.now())
            short.append(armed.short)
            settle(
                database, seeded, [a for a in asked if a.attempt_id in armed.passed], Outcome.ACCEPTED, now=clock.now()
            )

    workers = [threading.Thread(target=work) for _ in range(20)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert statuses(database, user_id) == {"claimed": 50, "sent": 100}
    assert sums(database) == [("0.00", "2.00", "0.00")]
    assert any(short)


def test_the_database_itself_refuses_what_is_over_a_budget(database, user_id, clock):
    seed_campaign(database, user_id, now=clock.now(), texts=1)
    budget(database, "1", campaign="spring", clock=clock)

    with pytest.raises(psycopg.errors.CheckViolation, match="never_overspent"), database.transaction() as connection:
        connection.execute("UPDATE budgets SET reserved = 0.60, committed = 0.41")


def test_a_budget_that_is_used_up_between_claim_and_arm_lets_nothing_pass(database, user_id, clock):
    seeded, daemon = seed_campaign(database, user_id, now=clock.now(), texts=3), new_id()
    budget(database, "1", campaign="spring", clock=clock)
    with database.transaction() as connection:
        asked = ask_for(connection, seeded, daemon=daemon, limit=3, now=clock.now())

    with database.transaction() as connection:
        connection.execute("UPDATE budgets SET committed = 0.985")
    with database.transaction() as connection:
        armed = arm(connection, user_id, asked, daemon=daemon, now=clock.now())

    assert len(armed.passed) == 1
    assert armed.short == {
        seeded.campaign_id: "the campaign's budget of 1.00 USD is used up: 0.005 USD left, the next text costs 0.01"
    }


def test_a_text_that_may_not_go_anyway_uses_up_no_budget(database, user_id, clock):
    seeded, daemon = seed_campaign(database, user_id, now=clock.now(), texts=2), new_id()
    budget(database, "0.01", campaign="spring", clock=clock)
    with database.transaction() as connection:
        asked = ask_for(connection, seeded, daemon=daemon, limit=2, now=clock.now())
        suppress(connection, user_id, phone(0), reason="opted_out", source="operator", now=clock.now())

    with database.transaction() as connection:
        together = arm(connection, user_id, asked, daemon=daemon, now=clock.now())
        alone = arm(connection, user_id, asked[1:], daemon=daemon, now=clock.now())

    assert (together.passed, together.short) == (set(), {})
    assert len(alone.passed) == 1


def test_a_month_is_the_tenants_and_is_made_from_the_standing_budget_when_it_begins(database, user_id):
    clock = FrozenClock(datetime(2026, 3, 31, 14, 0, tzinfo=UTC))  # 23:00 in Tokyo
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "0.01", clock=clock)
    arm_some(database, seeded, texts=1, now=clock.now())

    in_march = arm_some(database, seeded, texts=1, now=clock.now())
    clock.advance(timedelta(hours=1))
    in_april = arm_some(database, seeded, texts=1, now=clock.now())

    assert (len(in_march), len(in_april)) == (0, 1)
    with database.transaction() as connection:
        rows = connection.execute("SELECT month::text, reserved FROM budgets ORDER BY month NULLS FIRST").fetchall()
    assert [tuple(row.values()) for row in rows] == [
        (None, Decimal(0)),
        ("2026-03-01", Decimal("0.01")),
        ("2026-04-01", Decimal("0.01")),
    ]


def test_two_campaigns_share_the_month_and_each_keeps_its_own(database, user_id, clock):
    spring = seed_campaign(database, user_id, now=clock.now(), texts=4)
    summer = seed_campaign(database, user_id, now=clock.now(), texts=4, name="summer", first=10)
    budget(database, "0.05", clock=clock)
    budget(database, "0.03", campaign="spring", clock=clock)

    armed = [len(arm_some(database, seeded, texts=4, now=clock.now())) for seeded in (spring, summer)]

    assert armed == [3, 2]


def test_the_budgets_of_others_hold_nothing_back(database, user_id, clock):
    create_tenant(database, "ginza", sender="+815011111111")
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    seed_campaign(database, user_id, now=clock.now(), texts=1, name="summer", first=10)
    budget(database, "0.01", slug="ginza", clock=clock)
    budget(database, "0.01", month="2026-04", clock=clock)
    budget(database, "0.01", campaign="summer", clock=clock)

    armed = arm_some(database, seeded, texts=2, now=clock.now())

    assert len(armed) == 2
    assert sums(database) == [("0.00", "0.00", "0.00")] * 4


def test_a_month_that_has_begun_and_has_sent_nothing_yet_shows_what_it_will_be_made_from(database, clock):
    budget(database, "5", clock=clock)
    clock.advance(timedelta(days=30))

    shown = list_budgets(database, find_tenant(database, "default"), now=clock.now())

    assert [(each.name, each.left) for each in shown] == [("every month", None), ("2026-04", Decimal(5))]


def test_a_budget_that_was_spent_from_keeps_its_currency(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    budget(database, "1", campaign="spring", clock=clock)
    arm_some(database, seeded, texts=1, now=clock.now())

    with pytest.raises(RefusedError, match="the campaign's budget is kept in USD, and something has gone from it"):
        budget(database, "1", campaign="spring", currency="EUR", clock=clock)


@pytest.mark.parametrize(
    ("costs", "after"),
    [
        pytest.param(["0.03"], ("0.00", "0.02", "0.02"), id="dearer is adjusted"),
        pytest.param(["0.004"], ("0.00", "0.01", "0.00"), id="cheaper is committed no more"),
        pytest.param(["0.03", "0.03"], ("0.00", "0.02", "0.02"), id="the same again changes nothing"),
        pytest.param(["0.03", "0.005"], ("0.00", "0.02", "0.00"), id="what was adjusted is taken back first"),
    ],
)
def test_what_the_provider_charges_is_trued_up(database, user_id, clock, costs, after):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "0.02", campaign="spring", clock=clock)
    armed = arm_some(database, seeded, texts=2, now=clock.now())
    settle(database, seeded, armed, Outcome.ACCEPTED, now=clock.now())

    for cost in costs:
        with database.transaction() as connection:
            charged = {armed[0].attempt_id: (Decimal(cost), "USD")}
            budgets.hold(connection, user_id, charged)
            budgets.true_up(connection, user_id, charged, now=clock.now())

    assert sums(database) == [after]


def test_a_bill_in_another_currency_leaves_the_list_price(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    budget(database, "1", campaign="spring", clock=clock)
    armed = arm_some(database, seeded, texts=1, now=clock.now())
    settle(database, seeded, armed, Outcome.ACCEPTED, now=clock.now())

    with database.transaction() as connection:
        budgets.true_up(connection, user_id, {armed[0].attempt_id: (Decimal(5), "EUR")}, now=clock.now())

    assert sums(database) == [("0.00", "0.01", "0.00")]


def test_what_was_charged_above_the_list_price_leaves_less_for_the_next(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    budget(database, "0.02", campaign="spring", clock=clock)
    armed = arm_some(database, seeded, texts=1, now=clock.now())
    settle(database, seeded, armed, Outcome.ACCEPTED, now=clock.now())
    with database.transaction() as connection:
        budgets.true_up(connection, user_id, {armed[0].attempt_id: (Decimal("0.015"), None)}, now=clock.now())

    assert arm_some(database, seeded, texts=1, now=clock.now()) == []


def test_a_budget_begins_with_what_has_been_spent_already(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=5)
    settle(database, seeded, arm_some(database, seeded, texts=3, now=clock.now()), Outcome.ACCEPTED, now=clock.now())

    with pytest.raises(RefusedError, match=r"0\.02 USD for spring is too small: 0\.03 USD is spent; nothing was"):
        budget(database, "0.02", campaign="spring", clock=clock)
    with pytest.raises(RefusedError, match="for this month is too small"):
        budget(database, "0.02", clock=clock)
    budget(database, "0.04", campaign="spring", clock=clock)
    budget(database, "0.10", month="2026-03", clock=clock)

    assert len(arm_some(database, seeded, texts=2, now=clock.now())) == 1
    assert sums(database) == [("0.01", "0.03", "0.00")] * 2


def test_a_budget_is_not_set_below_what_is_reserved(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "1", campaign="spring", clock=clock)
    arm_some(database, seeded, texts=3, now=clock.now())

    with pytest.raises(RefusedError, match=r"0\.00 USD is spent, 0\.03 reserved") as refused:
        budget(database, "0.02", campaign="spring", clock=clock)

    assert refused.value.hint == "give 0.03 or more; to stop, pause the campaigns"


def test_this_month_follows_the_standing_budget_until_it_has_one_of_its_own(database, user_id, clock):
    def amounts():
        with database.transaction() as connection:
            rows = connection.execute("SELECT amount FROM budgets ORDER BY month NULLS FIRST").fetchall()
        return [str(row["amount"].normalize()) for row in rows]

    budget(database, "5", clock=clock)
    budget(database, "7", clock=clock)
    following = amounts()
    budget(database, "9", month="2026-03", clock=clock)
    budget(database, "3", clock=clock)
    own = amounts()
    budget(database, "none", clock=clock)

    assert (following, own, amounts()) == (["7", "7"], ["3", "9"], ["9"])


def test_without_a_limit_everything_goes_again(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=3)
    budget(database, "0.01", campaign="spring", clock=clock)
    before = arm_some(database, seeded, texts=1, now=clock.now())

    budget(database, "none", campaign="spring", clock=clock)
    after = arm_some(database, seeded, texts=2, now=clock.now())
    settle(database, seeded, before + after, Outcome.ACCEPTED, now=clock.now())

    assert statuses(database, user_id) == {"sent": 3}
    assert sums(database) == []


def test_every_change_of_a_budget_is_audited(database, user_id, clock):
    budget(database, "5", month="2026-04", clock=clock)
    budget(database, "none", month="2026-04", clock=clock)

    with database.transaction() as connection:
        rows = connection.execute("SELECT actor, action, subject, before, after FROM audit_log ORDER BY id").fetchall()
    amount = {"amount": "5.0000", "currency": "USD"}
    assert [tuple(row.values()) for row in rows] == [
        ("operator", "budget.set", "2026-04", None, amount),
        ("operator", "budget.set", "2026-04", amount, None),
    ]

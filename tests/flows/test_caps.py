import asyncio
from datetime import timedelta

from psycopg.types.json import Jsonb
from support.salon import add_customer, apply_text, rows
from support.seeds import phone

OFFER = """
  offer {0}: {{type: promotional, message: offer {0}, segment: all, schedule: now, send_rate_per_minute: 60000}}
"""
OFFERS = "campaigns:" + "".join(map(OFFER.format, range(3)))


def cap(database, user_id, **rule):
    with database.transaction() as connection:
        rules = {"frequency_caps": {"promotional": {"most": 1, "within": "7d", **rule}}}
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])


def apart(database):
    """Return how long after each other the texts to each number left."""
    query = (
        "SELECT started_at - lag(started_at) OVER (PARTITION BY phone_number ORDER BY started_at) AS wait"
        " FROM submissions WHERE outcome = 'accepted'"
    )
    with database.transaction() as connection:
        return [row["wait"] for row in connection.execute(query) if row["wait"] is not None]


def test_offers_that_come_at_once_reach_each_person_a_week_apart_and_none_is_lost(
    database, user_id, clock, tmp_path, life
):
    cap(database, user_id)
    for number in range(4):
        add_customer(database, user_id, phone(number))
    apply_text(database, tmp_path, OFFERS, clock=clock)

    sent = [len(life(**passed)) for passed in ({}, {"days": 6}, {"days": 1}, {"hours": 1}, {"days": 6, "hours": 23})]

    assert sent == [4, 0, 4, 0, 4]
    assert set(apart(database)) == {timedelta(days=7)}


def test_offers_too_many_are_left_out_where_the_cap_says_so(database, user_id, clock, tmp_path, life):
    cap(database, user_id, then="exclude")
    add_customer(database, user_id, phone(0))
    apply_text(database, tmp_path, OFFERS, clock=clock)

    sent = [len(life(**passed)) for passed in ({}, {"days": 8})]

    assert sent == [1, 0]
    with database.transaction() as connection:
        rows = connection.execute("SELECT status, reason FROM campaign_recipients ORDER BY status").fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("sent", None),
        ("suppressed", "frequency_cap"),
        ("suppressed", "frequency_cap"),
    ]


def test_twenty_workers_on_three_offers_text_nobody_twice_a_week_and_lose_nobody(
    database, user_id, clock, tmp_path, life, dispatcher_of
):
    cap(database, user_id)
    for number in range(30):
        add_customer(database, user_id, phone(number))
    add_customer(database, user_id, phone(0), last_name="shares a number")
    apply_text(database, tmp_path, OFFERS, clock=clock)
    life.look()

    async def send() -> None:
        await asyncio.gather(*(dispatcher_of(life.provider, slots=5).run(once=True) for _ in range(4)))

    for _ in range(3):
        asyncio.run(send())
        clock.advance(timedelta(days=7))

    texts = sorted((message.to, message.body) for message in life.provider.accepted)
    assert texts == [(phone(number), f"offer {offer}") for number in range(30) for offer in range(3)]
    assert set(apart(database)) == {timedelta(days=7)}


CANARY = """
segments:
  vips: {criteria: {field: tags, operator: any, value: [vip]}}
campaigns:
  before: {type: promotional, message: before, segment: vips, schedule: now, send_rate_per_minute: 60000}
  spring:
    type: promotional
    message: spring
    segment: all
    schedule: 2026-03-16 10:00
    send_rate_per_minute: 60000
    canary: {size: 3, wait: 30m}
"""


def test_a_canary_is_of_people_whom_no_cap_has_wait(database, user_id, clock, tmp_path, life):
    cap(database, user_id)
    for number in range(8):
        add_customer(database, user_id, phone(number), tags=["vip"] if number < 4 else [])
    apply_text(database, tmp_path, CANARY, clock=clock)

    before, canary, rest, waiting = life(), life(days=1), life(minutes=31), life(days=6)

    assert (before, canary, rest, waiting) == (["before"] * 4, ["spring"] * 3, ["spring"], ["spring"] * 4)


def test_a_canary_does_not_wait_for_those_whom_a_cap_stops_as_they_leave(database, user_id, clock, tmp_path, life):
    cap(database, user_id)
    for number in range(4):
        add_customer(database, user_id, phone(number), tags=["vip"] if number < 2 else [])
    at_once = CANARY.replace("schedule: now", "schedule: 2026-03-16 10:00, priority: high")
    apply_text(database, tmp_path, at_once, clock=clock)
    clock.advance(timedelta(days=1))
    life.look()

    texts = sorted([*life.send(), *life(minutes=31)])

    assert texts == ["before", "before", "spring", "spring"]
    assert "rest" in {run["phase"] for run in rows(database, "campaign_occurrences")}
    assert life(days=7) == ["spring", "spring"]

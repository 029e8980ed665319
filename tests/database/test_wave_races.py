"""Waves of a recurring run by several daemons, and by daemons that die: nobody is texted twice, nobody is lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.daemons import at_once, dies_at
from support.salon import add_customers, apply_text, prices, rows

from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.database.connection import Database

PEOPLE = 40
DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 15, 3, tzinfo=UTC)
TEXT = """
campaigns:
  spring:
    segment: all
    schedule: {at: 2026-03-15 12:00, repeat: {type: daily}}
    canary: {size: 5, wait: 30m}
    holdout: 10%
    variants: {long: {weight: 30%, message: "Hello there"}, short: {weight: 30%, message: "Hi"}}
    winner: {metric: delivered, after: 1h, min: 2, if_undecided: best}
"""


@pytest.fixture
def people(database, user_id, clock, tmp_path):
    add_customers(database, user_id, PEOPLE)
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(FIRST - clock.now())


def go_out(database, now) -> None:
    """Let everything that waits be sent and arrive."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'delivered', attempt = 1, sent_at = %s, provider = 'console',"
            " provider_message_id = id::text WHERE status = 'pending'",
            [now],
        )


def runs(database) -> list[tuple[str, str]]:
    return [(row["status"], row["phase"]) for row in rows(database, "campaign_occurrences", order="occurs_at")]


def everybody_once(database) -> bool:
    written = Counter((row["occurrence_id"], row["phone_number"]) for row in rows(database, "campaign_recipients"))
    held = {occurrence for occurrence, _ in written}
    return set(written.values()) == {1} and len(written) == PEOPLE * len(held)


def test_daemons_that_advance_a_run_at_one_moment_text_everybody_once(database, database_url, clock, people):
    daemons = [Database(database_url) for _ in range(3)]
    doing = [lambda each=each: do_what_is_due(each, clock=clock, prices=prices) for each in daemons]

    for _ in range(3):
        at_once(*doing)
        go_out(database, clock.now())
        clock.advance(timedelta(hours=2))

    for each in daemons:
        each.close()
    assert runs(database) == [("running", "rest"), ("scheduled", "")]
    assert everybody_once(database)


def test_a_daemon_may_be_killed_before_any_statement_of_a_launch_or_a_wave(database, database_url, clock, people):
    killed = 0
    for _ in range(4):  # canary, trial, rest; and the next day's canary
        number = 1
        while dies_at(number, database_url, clock.now()):
            number += 1
            killed += 1
        go_out(database, clock.now())
        clock.advance(timedelta(hours=2) if clock.now() < FIRST + timedelta(hours=3) else FIRST + DAY - clock.now())

    assert killed > 60
    assert runs(database) == [("running", "rest"), ("running", "canary"), ("scheduled", "")]
    first = rows(database, "campaign_occurrences", order="occurs_at")[0]["id"]
    phones = Counter(
        row["phone_number"] for row in rows(database, "campaign_recipients") if row["occurrence_id"] == first
    )
    assert (len(phones), set(phones.values())) == (PEOPLE, {1})

"""The answer to an attempt that was held to be absent, when the text has been let go again meanwhile."""

import pytest
from support.budgets import arm_some, ask_for
from support.seeds import arm, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Outcome, Result
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.tracking.doubts import prove_absent

OTHER = new_id()


@pytest.fixture
def text(database, user_id, clock):
    return seed_campaign(database, user_id, now=clock.now(), texts=1)


@pytest.fixture
def answer(database, user_id, clock, text):
    """Settle the first attempt, which was held to be absent, as accepted; return the attempts that had moved on."""
    (asked,) = arm_some(database, text, texts=1, now=clock.now())
    about = (asked.attempt_id, asked.id, asked.fence, asked.campaign_id)
    recipients.settle(database, user_id, [Result(*about, Outcome.UNKNOWN)], now=clock.now())
    with database.transaction() as connection:
        prove_absent(connection, user_id, asked.attempt_id, finding="not found", now=clock.now())
    accepted = Result(*about, Outcome.ACCEPTED, message_id="SM1")
    return lambda: recipients.settle(database, user_id, [accepted], now=clock.now()), asked.attempt_id


@pytest.fixture
def claim(database, clock, text):
    def make():
        with database.transaction() as connection:
            return ask_for(connection, text, daemon=OTHER, limit=1, now=clock.now())

    return make


def gone_on(database, user_id, clock, asked):
    with database.transaction() as connection:
        return arm(connection, user_id, asked, daemon=OTHER, now=clock.now()).passed


def test_a_text_that_another_daemon_has_claimed_goes_no_more(database, user_id, clock, answer, claim):
    settle, _ = answer
    asked = claim()

    moved_on = settle()

    assert (moved_on, statuses(database, user_id)) == (set(), {"sent": 1})
    assert gone_on(database, user_id, clock, asked) == frozenset()
    assert statuses(database, user_id) == {"sent": 1}


def test_a_text_that_another_daemon_gave_back_goes_no_more(database, user_id, clock, answer, claim):
    settle, _ = answer
    asked = claim()
    with database.transaction() as connection:
        recipients.turn_away(connection, user_id, asked, daemon=OTHER, now=clock.now())
    before = statuses(database, user_id)

    moved_on = settle()

    assert before == {"pending": 1}
    assert (moved_on, statuses(database, user_id), claim()) == (set(), {"sent": 1}, [])


@pytest.mark.parametrize("status", ["cancelled", "expired", "suppressed"])
def test_a_text_that_ended_otherwise_was_sent_all_the_same(database, user_id, answer, status):
    settle, _ = answer
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = %s", [status])

    assert (settle(), statuses(database, user_id)) == (set(), {"sent": 1})


def test_an_answer_that_comes_after_the_next_arm_stands_on_its_attempt_alone(database, user_id, clock, answer, claim):
    settle, attempt_id = answer
    passed = gone_on(database, user_id, clock, claim())

    moved_on = settle()

    assert (len(passed), moved_on) == (1, {attempt_id})
    assert statuses(database, user_id) == {"submitting": 1}

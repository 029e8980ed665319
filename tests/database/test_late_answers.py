"""The answer to an attempt that was held to be absent, when the text has been let go again meanwhile."""

from datetime import timedelta

import pytest
from psycopg.sql import SQL, Identifier
from support.budgets import arm_some, ask_for
from support.salon import only, rows
from support.seeds import arm, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.recipients import Claimed, Outcome, Result
from lumiere_sms.campaigns.resolving import Word, resolve
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers.base import Receipt, ReceiptStatus
from lumiere_sms.providers.codes import twilio_meaning
from lumiere_sms.sending import settling
from lumiere_sms.sending.claiming import Work
from lumiere_sms.sending.outcomes import Answer
from lumiere_sms.testing.scripted import ScriptedProvider
from lumiere_sms.tracking.doubts import Found, bind_found, prove_absent
from lumiere_sms.tracking.receipts import apply_receipts

OTHER = new_id()


@pytest.fixture
def text(database, user_id, clock):
    return seed_campaign(database, user_id, now=clock.now(), texts=1)


@pytest.fixture
def first(database, user_id, clock, text):
    """The first attempt, which was held to be absent."""
    (asked,) = arm_some(database, text, texts=1, now=clock.now())
    about = (asked.attempt_id, asked.id, asked.fence, asked.campaign_id)
    recipients.settle(database, user_id, [Result(*about, Outcome.UNKNOWN)], now=clock.now())
    with database.transaction() as connection:
        prove_absent(connection, user_id, asked.attempt_id, finding="not found", now=clock.now())
    return asked


@pytest.fixture
def answer(database, user_id, clock, first):
    """Settle the first attempt as accepted; return the attempts that had moved on."""
    about = (first.attempt_id, first.id, first.fence, first.campaign_id)
    accepted = Result(*about, Outcome.ACCEPTED, message_id="SM1")
    return lambda: recipients.settle(database, user_id, [accepted], now=clock.now()), first.attempt_id


@pytest.fixture
def claim(database, clock, text):
    def make():
        with database.transaction() as connection:
            return ask_for(connection, text, daemon=OTHER, limit=1, now=clock.now())

    return make


def gone_on(database, user_id, clock, asked):
    with database.transaction() as connection:
        return arm(connection, user_id, asked, daemon=OTHER, now=clock.now()).passed


@pytest.fixture
def taken(user_id, clock, text, first):
    """The answer of the dispatcher that the first attempt was accepted."""
    about = (first.attempt_id, first.id, first.fence, first.campaign_id)
    claimed = Claimed(
        id=first.id,
        phone_number=first.phone_number,
        personalized_content="",
        segments_used=1,
        timezone="Asia/Tokyo",
        preferred_time=None,
        step="",
        send_after=clock.now(),
        expires_at=clock.now(),
        fence=first.fence,
        retry_count=0,
    )
    work = Work(user_id, claimed, first, timedelta(), charge=None)  # type: ignore[arg-type]  # not read
    return Answer(work, Result(*about, Outcome.ACCEPTED, message_id="SM1"))


def rename(database, before, after):
    with database.transaction() as connection:
        connection.execute(SQL("ALTER TABLE {} RENAME TO {}").format(Identifier(before), Identifier(after)))


def report(database, user_id, clock, receipt):
    with database.transaction() as connection:
        about = {"provider": "scripted", "source": "callback", "meaning_of": twilio_meaning, "now": clock.now()}
        apply_receipts(connection, user_id, [receipt], **about)


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


@pytest.fixture
def refused_again(database, user_id, clock, text, claim):
    """Arm the text once more; return that attempt, and what settles it as refused for now."""
    asked = claim()
    gone_on(database, user_id, clock, asked)

    def refuse():
        (each,) = asked
        unavailable = Result(each.attempt_id, each.id, each.fence, each.campaign_id, Outcome.UNAVAILABLE)
        return recipients.settle(database, user_id, [unavailable], now=clock.now())

    return refuse


def found(database, user_id, clock, attempt_id):
    with database.transaction() as connection:
        text = Found(attempt_id, "SM1", "found by look 3")
        return bind_found(
            connection, user_id, [text], provider="scripted", leaving=("unknown", "absent"), now=clock.now()
        )


def test_a_text_whose_second_attempt_was_refused_goes_no_more(database, user_id, answer, refused_again, claim):
    settle, _ = answer
    refused_again()
    before = statuses(database, user_id)

    moved_on = settle()

    assert before == {"pending": 1}
    assert (moved_on, statuses(database, user_id), claim()) == (set(), {"sent": 1}, [])


def test_a_text_that_is_found_after_its_second_attempt_was_refused_goes_no_more(
    database, user_id, clock, answer, refused_again, claim
):
    _, attempt_id = answer
    refused_again()

    bound = found(database, user_id, clock, attempt_id)

    assert (bound, statuses(database, user_id), claim()) == ([attempt_id], {"sent": 1}, [])
    assert rows(database, "alerts") == []


@pytest.mark.parametrize("is_found", [pytest.param(False, id="answered"), pytest.param(True, id="found")])
def test_a_text_known_to_be_sent_while_its_second_attempt_was_on_the_wire_does_not_pass_a_third_arm(
    database, user_id, clock, answer, refused_again, claim, is_found
):
    settle, attempt_id = answer
    known = found(database, user_id, clock, attempt_id) if is_found else list(settle())
    refused_again()

    asked = claim()
    passed = gone_on(database, user_id, clock, asked)
    with database.transaction() as connection:
        turned_away = recipients.turn_away(connection, user_id, asked, daemon=OTHER, now=clock.now())

    assert (known, len(asked), passed) == ([attempt_id], 1, frozenset())
    assert list(turned_away.values()) == ["sent"]
    recipient = only(database, "campaign_recipients")
    assert (recipient["provider_message_id"], recipient["reason"]) == ("SM1", None)
    assert recipient["sent_at"] == clock.now()


def test_an_answer_after_its_receipt_takes_back_no_new_text_that_the_receipt_asked_for(database, user_id, clock, text):
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET type = 'reminder', max_retries = 2")
    (asked,) = arm_some(database, text, texts=1, now=clock.now())
    report(database, user_id, clock, Receipt("SM1", ReceiptStatus.UNDELIVERED, "30003", attempt_id=asked.attempt_id))
    accepted = Result(asked.attempt_id, asked.id, asked.fence, asked.campaign_id, Outcome.ACCEPTED, message_id="SM1")

    moved_on = recipients.settle(database, user_id, [accepted], now=clock.now())

    assert (moved_on, statuses(database, user_id)) == (set(), {"pending": 1})


def test_a_text_that_arrived_while_the_next_one_was_on_the_wire_does_not_pass_a_third_arm(
    database, user_id, clock, text, claim
):
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET type = 'reminder', max_retries = 2")
    (first,) = arm_some(database, text, texts=1, now=clock.now())
    report(database, user_id, clock, Receipt("SM1", ReceiptStatus.UNDELIVERED, "30003", attempt_id=first.attempt_id))
    clock.advance(timedelta(minutes=15))
    (second,) = arm_some(database, text, texts=1, now=clock.now())
    report(database, user_id, clock, Receipt("SM1", ReceiptStatus.DELIVERED))
    refused = Result(second.attempt_id, second.id, second.fence, second.campaign_id, Outcome.UNAVAILABLE)
    recipients.settle(database, user_id, [refused], now=clock.now())

    asked = claim()
    passed = gone_on(database, user_id, clock, asked)
    with database.transaction() as connection:
        recipients.turn_away(connection, user_id, asked, daemon=OTHER, now=clock.now())

    assert (len(asked), passed, statuses(database, user_id)) == (1, frozenset(), {"delivered": 1})


@pytest.mark.parametrize("status", ["cancelled", "expired", "suppressed"])
def test_a_text_that_arrived_after_no_other_was_to_follow_is_delivered(database, user_id, clock, text, status):
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET type = 'reminder', max_retries = 2")
    (asked,) = arm_some(database, text, texts=1, now=clock.now())
    report(database, user_id, clock, Receipt("SM1", ReceiptStatus.UNDELIVERED, "30003", attempt_id=asked.attempt_id))
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = %s", [status])

    report(database, user_id, clock, Receipt("SM1", ReceiptStatus.DELIVERED))

    assert statuses(database, user_id) == {"delivered": 1}


def test_that_a_text_may_have_gone_twice_is_told_though_the_database_refused_that_at_first(
    database, user_id, clock, text, claim, taken
):
    gone_on(database, user_id, clock, claim())
    about = {"provider": ScriptedProvider(), "now": clock.now()}
    rename(database, "alerts", "alerts_away")
    with pytest.raises(ConfigurationError):
        settling.settle(database, user_id, [taken], **about)
    rename(database, "alerts_away", "alerts")

    settling.settle(database, user_id, [taken], **about)  # as the dispatcher does, until the database takes it

    assert [(each["kind"], each["message"]) for each in rows(database, "alerts")] == [
        ("moved_on", "an answer (accepted) came after its recipient had moved on")
    ]


def test_the_receipt_of_a_text_is_asked_for_though_a_person_had_said_that_it_was_not_sent(
    database, user_id, clock, text
):
    (asked,) = arm_some(database, text, texts=1, now=clock.now())
    about = (asked.attempt_id, asked.id, asked.fence, asked.campaign_id)
    recipients.settle(database, user_id, [Result(*about, Outcome.UNKNOWN)], now=clock.now())
    word = Word(is_sent=False, reason="she got none")
    resolve(database, user_id, name="spring", who=asked.id, word=word, clock=clock)

    recipients.settle(database, user_id, [Result(*about, Outcome.ACCEPTED, message_id="SM1")], now=clock.now())

    assert (statuses(database, user_id), only(database, "submissions")["closed_at"]) == ({"sent": 1}, None)

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from support.processes import wait_until
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of
from support.seeds import arm as arm_now
from support.seeds import phone, seed_campaign, statuses

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import completion, lifecycle, recipients
from lumiere_sms.campaigns.apply import _write_campaign
from lumiere_sms.campaigns.changes import current_campaigns
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.recipients import Cursor, Outcome, Result, Rooms
from lumiere_sms.campaigns.rules import pause_by_rule
from lumiere_sms.campaigns.writing import Author
from lumiere_sms.database.connection import DatabaseLostError
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import StateError
from lumiere_sms.providers.base import Action, Receipt, ReceiptStatus
from lumiere_sms.providers.codes import twilio_meaning
from lumiere_sms.sending import consequences
from lumiere_sms.sending.claiming import Work
from lumiere_sms.sending.outcomes import Answer
from lumiere_sms.tracking.receipts import apply_receipts

SENDER = "+15005550006"
ALL = Rooms((1000,), (1000,))


class Other(threading.Thread):
    """The other party: what it came to is raised or returned by `ended`."""

    def __init__(self, step: Callable[[], Any]) -> None:
        super().__init__()
        self._step = step
        self._value: Any = None
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._value = self._step()
        except Exception as error:  # noqa: BLE001 - raised again where the story ends
            self._error = error

    def ended(self) -> Any:
        self.join()
        if self._error:
            raise self._error
        return self._value


@pytest.fixture
def somebody_waits(database_url):
    def look() -> bool:
        with psycopg.connect(database_url, autocommit=True) as connection:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return connection.execute(query).fetchone()[0] > 0

    return lambda: wait_until(look)


@pytest.fixture
def claim(clock):
    def make(connection, seeded, daemon):
        claimed, _ = recipients.claim(
            connection,
            seeded.user_id,
            occurrence_id=seeded.occurrence_id,
            daemon=daemon,
            limit=10,
            rooms=ALL,
            now=clock.now(),
            cursor=Cursor(),
        )
        return [recipients.ask(each, campaign_id=seeded.campaign_id, sender=SENDER) for each in claimed]

    return make


@pytest.fixture
def arm(database, clock):
    def make(seeded, asked, daemon):
        with database.transaction() as connection:
            return arm_now(connection, seeded.user_id, asked, daemon=daemon, now=clock.now()).passed

    return make


@pytest.fixture
def armed(database, claim, arm):
    def make(seeded):
        daemon = new_id()
        with database.transaction() as connection:
            asked = claim(connection, seeded, daemon)
        arm(seeded, asked, daemon)
        return asked

    return make


def result(asked, outcome: Outcome, **found: Any) -> Result:
    return Result(asked.attempt_id, asked.id, asked.fence, asked.campaign_id, outcome, **found)


def test_a_refusal_that_is_committed_while_the_arm_waits_is_heeded(
    database, user_id, clock, claim, arm, somebody_waits
):
    seeded, daemon = seed_campaign(database, user_id, now=clock.now(), texts=2), new_id()
    with database.transaction() as connection:
        asked = claim(connection, seeded, daemon)

    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET description = 'revised' WHERE user_id = %s", [user_id])
        arming = Other(lambda: arm(seeded, asked, daemon))
        somebody_waits()
        with database.transaction() as refusing:
            suppress(refusing, user_id, phone(0), reason="opted_out", source="operator", now=clock.now())
    passed = arming.ended()

    assert len(passed) == 1
    assert statuses(database, user_id) == {"claimed": 1, "submitting": 1}


def test_a_refusal_written_to_the_customers_row_after_the_launch_is_heeded(database, user_id, clock, claim, arm):
    seeded, daemon = seed_campaign(database, user_id, now=clock.now(), texts=1), new_id()
    add_customer(database, user_id, phone(0), opt_out_date=clock.now())
    with database.transaction() as connection:
        asked = claim(connection, seeded, daemon)

    passed = arm(seeded, asked, daemon)
    with database.transaction() as connection:
        recipients.turn_away(connection, user_id, asked, daemon=daemon, now=clock.now())

    assert passed == set()
    with database.transaction() as connection:
        row = connection.execute("SELECT status, reason FROM campaign_recipients").fetchone()
    assert row == {"status": "suppressed", "reason": "opted_out"}


def test_two_whose_answers_pause_one_campaign_take_turns(database, user_id, clock, armed, somebody_waits):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    answers = [
        Answer(
            Work(user_id, None, each, timedelta(), charge=None),  # type: ignore[arg-type]  # not read
            result(each, Outcome.UNAVAILABLE),
            action=Action.STOP_CAMPAIGN,
        )
        for each in armed(seeded)
    ]

    def settle(connection, answer):
        consequences.hold(connection, user_id, [answer])
        recipients.settle(connection, user_id, [answer.result], now=clock.now())

    def stop(connection):
        pause_by_rule(connection, user_id, seeded.campaign_id, reason="no sender", now=clock.now())

    def settle_and_stop():
        with database.transaction() as connection:
            settle(connection, answers[1])
            stop(connection)

    with database.transaction() as connection:
        settle(connection, answers[0])
        other = Other(settle_and_stop)
        somebody_waits()
        stop(connection)
    other.ended()

    assert statuses(database, user_id) == {"pending": 2}


def test_an_answer_that_waited_for_the_reaper_settles_what_is_unknown(database, user_id, clock, armed, somebody_waits):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    (asked,) = armed(seeded)

    def settle():
        with database.transaction() as connection:
            return recipients.settle(connection, user_id, [result(asked, Outcome.UNAVAILABLE)], now=clock.now())

    with database.transaction() as connection:
        recipients.reap(connection, user_id, now=clock.now() + recipients.LEASE * 2)
        settling = Other(settle)
        somebody_waits()
    moved_on = settling.ended()

    assert (moved_on, statuses(database, user_id)) == (set(), {"pending": 1})


def test_an_answer_that_comes_back_to_a_cancelled_campaign_stays_there(database, user_id, clock, armed, somebody_waits):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    (asked,) = armed(seeded)

    def settle():
        with database.transaction() as connection:
            recipients.settle(connection, user_id, [result(asked, Outcome.UNAVAILABLE)], now=clock.now())

    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET status = 'cancelled' WHERE user_id = %s", [user_id])
        settling = Other(settle)
        somebody_waits()
    settling.ended()

    assert statuses(database, user_id) == {"cancelled": 1}


def test_an_answer_recorded_twice_is_no_surprise(database, user_id, clock, armed):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=2)
    taken, refused = armed(seeded)
    results = [result(taken, Outcome.ACCEPTED, message_id="SM1"), result(refused, Outcome.REJECTED)]

    moved_on = []
    for _ in range(2):  # the first commit's answer was lost
        with database.transaction() as connection:
            moved_on.append(recipients.settle(connection, user_id, results, now=clock.now()))

    assert moved_on == [set(), set()]


def test_an_answer_that_finds_its_recipient_elsewhere_is_told(database, user_id, clock, armed):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=1)
    (asked,) = armed(seeded)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET fence = fence + 1 WHERE user_id = %s", [user_id])

    with database.transaction() as connection:
        moved_on = recipients.settle(
            connection, user_id, [result(asked, Outcome.ACCEPTED, message_id="SM1")], now=clock.now()
        )

    assert moved_on == {asked.attempt_id}


def test_two_pollers_that_see_the_same_texts_in_another_order_take_turns(
    database, user_id, clock, armed, somebody_waits
):
    asked = armed(seed_campaign(database, user_id, now=clock.now(), texts=2))
    ids = [f"SM{number}" for number in range(len(asked))]
    with database.transaction() as connection:
        results = [result(each, Outcome.ACCEPTED, message_id=id_) for each, id_ in zip(asked, ids, strict=True)]
        recipients.settle(connection, user_id, results, now=clock.now())

    def apply(connection, order, status):
        receipts = [Receipt(id_, status) for id_ in order]
        binds = {"provider": "scripted", "source": "poll", "meaning_of": twilio_meaning, "now": clock.now()}
        return apply_receipts(connection, user_id, receipts, **binds)

    def apply_backwards():
        with database.transaction() as connection:
            return apply(connection, ids[::-1], ReceiptStatus.DELIVERED)

    with database.transaction() as connection:
        apply(connection, ids[:1], ReceiptStatus.DELIVERED)
        other = Other(apply_backwards)
        somebody_waits()
        apply(connection, ids[1:], ReceiptStatus.DELIVERED)
    other.ended()

    assert statuses(database, user_id) == {"delivered": 2}


def test_the_reaper_finds_the_submission_of_a_lost_text_by_an_index(database, user_id, clock):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=0)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
            " attempt, parts, started_at) SELECT %s, gen_random_uuid(), gen_random_uuid(), %s,"
            " '+8190' || lpad(n::text, 8, '0'), 'scripted', 'sender', 1, 1, %s FROM generate_series(1, 20000) AS n",
            [user_id, seeded.occurrence_id, clock.now()],
        )
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE submissions")

    with database.transaction() as connection:
        reap = statement("lumiere_sms.campaigns", "reap")
        plan = connection.execute("EXPLAIN " + reap, {"user_id": user_id, "now": clock.now()}).fetchall()

    lines = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Seq Scan on submissions" not in lines
    assert "submissions_phone_number_idx" in lines


def test_a_cancel_waits_for_a_claim_and_neither_is_refused(database, user_id, clock, claim, somebody_waits):
    seeded = seed_campaign(database, user_id, now=clock.now(), texts=5)

    with database.transaction() as connection:
        connection.execute(
            "SELECT FROM campaign_occurrences WHERE user_id = %s AND id = %s FOR NO KEY UPDATE",  # as a claim does
            [user_id, seeded.occurrence_id],
        )
        claim(connection, seeded, new_id())
        cancel = Other(lambda: lifecycle.cancel(database, user_id, name="spring", clock=clock))
        somebody_waits()
        connection.execute(
            "UPDATE campaign_occurrences SET pace_tat = %s WHERE user_id = %s AND id = %s",
            [clock.now(), user_id, seeded.occurrence_id],
        )
    cancel.ended()

    assert statuses(database, user_id) == {"cancelled": 5}


def test_a_campaign_that_completes_while_it_is_cancelled_waits_for_its_turn(database, user_id, clock, somebody_waits):
    seed_campaign(database, user_id, now=clock.now(), texts=0)

    with database.transaction() as connection:
        connection.execute("SELECT FROM sms_campaigns WHERE user_id = %s FOR NO KEY UPDATE", [user_id])
        completing = Other(lambda: completion.complete_finished(database, now=clock.now()))
        somebody_waits()
        connection.execute("UPDATE campaign_occurrences SET status = 'cancelled' WHERE user_id = %s", [user_id])
        connection.execute("UPDATE sms_campaigns SET status = 'cancelled' WHERE user_id = %s", [user_id])

    assert completing.ended() == []


def test_a_campaign_whose_last_two_occurrences_end_at_once_is_completed(database, user_id, clock, somebody_waits):
    seeded, second = seed_campaign(database, user_id, now=clock.now(), texts=0), new_id()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at, status, revision, definition,"
            " launched_at) SELECT user_id, %s, campaign_id, occurs_at + interval '1 day', status, revision, definition,"
            " launched_at FROM campaign_occurrences",
            [second],
        )

    def complete_second():
        with database.transaction() as connection:
            completion.complete(connection, user_id, occurrence_id=second, now=clock.now())

    with database.transaction() as connection:
        completion.complete(connection, user_id, occurrence_id=seeded.occurrence_id, now=clock.now())
        other = Other(complete_second)
        somebody_waits()
    other.ended()

    assert only(database, "sms_campaigns")["status"] == "completed"


def test_a_campaign_that_cannot_be_frozen_is_paused_and_the_others_are_launched(database, user_id, clock, tmp_path):
    add_customer(database, user_id, phone(1))
    text = """
campaigns:
  bad: {message: "{{ last_visit_date | jdate }}", segment: all, schedule: {at: now}}
  good: {message: hello, segment: all, schedule: {at: now}}
"""
    apply_text(database, tmp_path, text, clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE customers SET last_visit_date = 'infinity' WHERE user_id = %s", [user_id])

    launch_due(database, clock=clock, prices=prices)

    found = {row["name"]: row["status"] for row in rows(database, "sms_campaigns")}
    assert found == {"bad": "paused", "good": "running"}


def test_a_campaign_launched_and_paused_while_apply_looks_gets_no_second_occurrence(database, user_id, clock, tmp_path):
    add_customer(database, user_id, phone(1))
    text = "campaigns:\n  spring: {message: a, segment: all, schedule: {at: now}}\n"
    apply_text(database, tmp_path, text, clock=clock)
    lifecycle.pause(database, user_id, name="spring", clock=clock)
    tenant = tenant_of(database)
    with database.transaction() as connection:
        seen = current_campaigns(connection, tenant, ["spring"])["spring"]
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    launch_due(database, clock=clock, prices=prices)
    lifecycle.pause(database, user_id, name="spring", clock=clock)

    definition = CampaignDefinition.from_payload({**seen["definition"], "message": "b"})
    author = Author("definitions", "operator", clock.now())
    with pytest.raises(StateError), database.transaction() as connection:
        _write_campaign(connection, tenant, seen, definition=definition, author=author)

    assert [row["status"] for row in rows(database, "campaign_occurrences")] == ["running"]


def test_a_commit_whose_answer_is_lost_is_not_told_as_undone(database, user_id, database_url):
    def commit_in_vain():
        with database.transaction() as connection:
            connection.execute("UPDATE users SET name = 'x' WHERE id = %s", [user_id])
            with psycopg.connect(database_url, autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])

    with pytest.raises(DatabaseLostError) as caught:
        commit_in_vain()

    assert "look before you do it again" in caught.value.hint


TWO_DAILY = """
templates:
  hi: {content: HELLO}
campaigns:
  first: {message: HELLO, segment: all, schedule: {at: 2026-03-16 12:00, repeat: {type: daily}}}
  second: {template: hi, segment: all, schedule: {at: 2026-03-16 12:00, repeat: {type: daily}}}
"""


def test_an_apply_and_an_arm_hold_campaigns_in_the_same_order(database, user_id, clock, tmp_path, somebody_waits):
    apply_text(database, tmp_path, TWO_DAILY.replace("HELLO", "hello"), clock=clock)
    first, second = sorted(rows(database, "sms_campaigns"), key=lambda row: row["name"])
    assert first["id"] < second["id"]
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET status = 'running', started_at = now()")

    with database.transaction() as arming:
        arming.execute(statement(recipients.__package__, "hold_running"), _campaigns(user_id, first))
        changed = TWO_DAILY.replace("HELLO", "goodbye")
        applying = Other(lambda: apply_text(database, tmp_path, changed, clock=clock))
        somebody_waits()
        held = arming.execute(statement(recipients.__package__, "hold_running"), _campaigns(user_id, second)).fetchall()
    applied = applying.ended()

    assert [row["id"] for row in held] == [second["id"]]
    assert {(each.kind, each.action) for each in applied.changes} >= {("template", "update"), ("campaign", "update")}


def _campaigns(user_id, *campaigns):
    return {"user_id": user_id, "campaign_ids": [each["id"] for each in campaigns]}

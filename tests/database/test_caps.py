"""Frequency caps: at the launch, and once more where a text leaves."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb
from support.processes import wait_until
from support.salon import add_customer, apply_text, define, only, prices, rows, tenant_of
from support.seeds import arm, phone, seed_campaign, statuses

from lumiere_sms.campaigns import recipients
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.recipients import Cursor, Outcome, Result, Rooms
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.planning.plan import make_plan

ALL = Rooms((1000,), (1000,))
WEEK = timedelta(days=7)


@pytest.fixture
def capped(database, user_id):
    def set_cap(kind="promotional", most=1, within="7d", then="postpone"):
        rules = {"frequency_caps": {kind: {"most": most, "within": within, "then": then}}}
        with database.transaction() as connection:
            connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])

    return set_cap


@pytest.fixture
def sent(database, user_id, clock):
    """Write down texts that went out before, of a campaign of their own."""

    def send(*numbers, ago=timedelta(days=1), kind="promotional", outcome="accepted", priority="normal", name=""):
        name = name or f"before {new_id()}"
        seeded = seed_campaign(database, user_id, now=clock.now() - ago, texts=0, name=name, type=kind)
        with database.transaction() as connection:
            connection.execute(
                "UPDATE sms_campaigns SET type = %s, priority = %s, status = 'completed' WHERE id = %s",
                [kind, priority, seeded.campaign_id],
            )
            connection.execute(
                "UPDATE campaign_occurrences SET status = 'completed' WHERE id = %s", [seeded.occurrence_id]
            )
            for number in numbers:
                connection.execute(
                    "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
                    " attempt, parts, started_at, outcome, provider_message_id)"
                    " VALUES (%s, %s, %s, %s, %s, 'scripted', 'x', 1, 1, %s, %s, %s)",
                    [
                        *(user_id, new_id(), new_id(), seeded.occurrence_id, phone(number), clock.now() - ago, outcome),
                        str(new_id()) if outcome == "accepted" else None,
                    ],
                )

    return send


@pytest.fixture
def running(database, user_id, clock):
    """Seed a running campaign whose type its row says too."""

    def seed(name="spring", kind="promotional", texts=2, **definition):
        seeded = seed_campaign(database, user_id, now=clock.now(), texts=texts, name=name, type=kind, **definition)
        with database.transaction() as connection:
            connection.execute(
                "UPDATE sms_campaigns SET type = %s, priority = %s WHERE id = %s",
                [kind, definition.get("priority", "normal"), seeded.campaign_id],
            )
        return seeded

    return seed


@pytest.fixture
def claimed(database, clock):
    def claim(seeded, daemon):
        with database.transaction() as connection:
            found, _ = recipients.claim(
                connection,
                seeded.user_id,
                occurrence_id=seeded.occurrence_id,
                daemon=daemon,
                limit=100,
                rooms=ALL,
                now=clock.now(),
                cursor=Cursor(),
            )
        return [recipients.ask(each, campaign_id=seeded.campaign_id, sender="+15005550006") for each in found]

    return claim


@pytest.fixture
def pass_arm(database, user_id, clock):
    def pass_(asked, daemon):
        with database.transaction() as connection:
            return arm(connection, user_id, asked, daemon=daemon, now=clock.now()).passed

    return pass_


@pytest.fixture
def armed(claimed, pass_arm):
    """Claim and arm all that is due of a campaign; return how many passed."""

    def go(seeded):
        daemon = new_id()
        return len(pass_arm(claimed(seeded, daemon), daemon))

    return go


def recipient(database, number):
    (found,) = [row for row in rows(database, "campaign_recipients") if row["phone_number"] == phone(number)]
    return found


# at the launch ----------------------------------------------------------------------------------

OFFER = """
campaigns:
  spring: {{type: promotional, message: hello, segment: all, schedule: {{at: now}}, window: "09:00-20:00"{more}}}
"""


@pytest.fixture
def launched(database, user_id, clock, tmp_path):
    def launch(more=""):
        for number in (1, 2):
            add_customer(database, user_id, phone(number))
        apply_text(database, tmp_path, OFFER.format(more=more), clock=clock)
        (found,) = launch_due(database, clock=clock, prices=prices)
        return found

    return launch


def test_who_was_texted_lately_waits_until_the_cap_lets_them_have_one_more(database, clock, capped, sent, launched):
    capped()
    sent(1, ago=timedelta(days=2))

    found = launched()

    waiting, other = recipient(database, 1), recipient(database, 2)
    assert found.kept == 2
    assert (waiting["send_after"], waiting["reason"]) == (clock.now() + timedelta(days=5), "frequency_cap")
    assert waiting["expires_at"] == waiting["send_after"].replace(hour=11, minute=0)  # 20:00 in Tokyo, of that day
    assert (other["send_after"], other["reason"]) == (clock.now(), None)


def test_a_text_that_would_expire_before_its_cap_ends_is_left_out(capped, sent, launched):
    capped()
    sent(1, ago=timedelta(days=2))

    assert launched(", expires_after: 2d").exclusions == {"frequency_cap": 1}


def test_a_text_whose_cap_ends_in_time_keeps_its_end(database, clock, capped, sent, launched):
    capped()
    sent(1, ago=WEEK - timedelta(hours=4))

    launched(", expires_after: 1d")

    waiting, other = recipient(database, 1), recipient(database, 2)
    assert waiting["send_after"] == clock.now() + timedelta(hours=4)
    assert waiting["expires_at"] == other["expires_at"]


def test_a_cap_that_excludes_leaves_out_who_had_their_texts(capped, sent, launched):
    capped(then="exclude")
    sent(1)

    found = launched()

    assert (found.kept, found.exclusions) == (1, {"frequency_cap": 1})


@pytest.mark.parametrize(
    ("cap", "before", "kept"),
    [
        pytest.param({}, {"kind": "blast"}, 2, id="texts of another type do not count"),
        pytest.param({"kind": "reminder"}, {}, 2, id="nor does the cap of another type hold"),
        pytest.param({}, {"ago": WEEK + timedelta(seconds=1)}, 2, id="nor what is long ago"),
        pytest.param({}, {"ago": WEEK}, 2, id="nor what is as long ago as the cap says"),
        pytest.param({}, {"ago": WEEK - timedelta(seconds=1)}, 1, id="a second later counts"),
        pytest.param({}, {"outcome": "rejected"}, 2, id="what a provider refused does not count"),
        pytest.param({}, {"outcome": "absent"}, 2, id="nor what it never got"),
        pytest.param({}, {"outcome": "unknown"}, 1, id="what it may have taken counts"),
        pytest.param({"most": 2}, {}, 2, id="one of two is no cap"),
        pytest.param({}, {"priority": "urgent"}, 1, id="urgent texts of the type count too"),
        pytest.param({"kind": "urgent"}, {"priority": "urgent"}, 2, id="a cap on urgent texts is none on others"),
    ],
)
def test_what_a_cap_counts(capped, sent, launched, cap, before, kept):
    capped(**{"then": "exclude", **cap})
    sent(1, **before)

    assert launched().kept == kept


def test_a_plan_says_how_many_a_cap_has_wait_as_the_launch_does(
    database, user_id, clock, capped, sent, launched, tmp_path
):
    capped()
    sent(1, ago=timedelta(days=2))
    for number in (1, 2):
        add_customer(database, user_id, phone(number))

    definitions = define(tmp_path, OFFER.format(more=""))
    (planned,) = make_plan(database, tenant_of(database), definitions, clock=clock, prices=prices).campaigns

    assert (planned.kept, dict(planned.timing)) == (2, {"frequency_cap": 1})
    assert planned.finishes_at == clock.now() + timedelta(days=5)


def test_an_urgent_campaign_has_the_cap_of_urgent_texts_alone(capped, sent, launched):
    capped(then="exclude")
    sent(1)

    assert launched(", priority: urgent").kept == 2


def test_of_several_texts_the_one_that_makes_it_too_many_says_how_long_to_wait(database, clock, capped, sent, launched):
    capped(most=2)
    for days in (6, 4, 1):
        sent(1, ago=timedelta(days=days))

    launched()

    assert recipient(database, 1)["send_after"] == clock.now() + timedelta(days=3)


# in the arm -------------------------------------------------------------------------------------


def test_what_left_since_the_launch_is_counted_where_a_text_leaves(
    database, user_id, clock, capped, sent, running, armed
):
    capped()
    seeded = running()
    sent(0, ago=timedelta(minutes=1))

    passed = armed(seeded)

    waiting = recipient(database, 0)
    assert passed == 1
    assert (waiting["status"], waiting["reason"]) == ("pending", "frequency_cap")
    assert waiting["send_after"] == clock.now() + WEEK - timedelta(minutes=1)
    assert waiting["expires_at"] > waiting["send_after"]


def test_a_waiting_text_leaves_once_its_cap_has_ended(database, user_id, clock, capped, sent, running, armed):
    capped()
    seeded = running(texts=1)
    sent(0, ago=timedelta(minutes=1))
    armed(seeded)

    clock.advance(WEEK - timedelta(minutes=2))
    before = armed(seeded)
    clock.advance(timedelta(minutes=1))

    assert (before, armed(seeded)) == (0, 1)


@pytest.mark.parametrize(
    ("cap", "definition"),
    [
        pytest.param({"then": "exclude"}, {}, id="the cap excludes"),
        pytest.param({}, {"expires_after": "5h"}, id="it is worth nothing later"),
        pytest.param({"kind": "reminder"}, {"kind": "reminder", "remind": "1d before"}, id="a reminder"),
    ],
)
def test_a_text_that_cannot_wait_is_left_out_in_the_arm(
    database, user_id, capped, sent, running, armed, cap, definition
):
    capped(**cap)
    seeded = running(texts=1, **definition)
    sent(0, kind=definition.get("kind", "promotional"))

    passed = armed(seeded)

    found = only(database, "campaign_recipients")
    assert passed == 0
    assert (found["status"], found["reason"]) == ("suppressed", "frequency_cap")


def test_a_waiting_step_of_a_sequence_goes_in_the_window_of_its_own(
    database, user_id, clock, capped, sent, running, armed
):
    capped(kind="drip")
    steps = [{"message": "hello"}, {"message": "more", "window": "15:00-16:00"}]
    seeded = running(kind="drip", texts=2, window="09:00-11:00", steps=steps)
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET step = '2/3' WHERE id = %s", [seeded.recipient_ids[1]])
    sent(0, 1, kind="drip", ago=timedelta(0))

    passed = armed(seeded)

    opened = clock.now() + WEEK  # at 10:00
    assert passed == 0
    assert [(recipient(database, n)["send_after"], recipient(database, n)["expires_at"]) for n in (0, 1)] == [
        (opened, opened + timedelta(hours=1)),
        (opened + timedelta(hours=5), opened + timedelta(hours=6)),
    ]


def test_a_cap_that_is_loosened_lets_what_comes_go_and_what_waits_wait_on(
    database, clock, capped, sent, running, armed
):
    capped()
    waiting, fresh = running(texts=1), running("summer", texts=1)
    sent(0)
    armed(waiting)

    capped(most=5)

    assert (armed(waiting), armed(fresh)) == (0, 1)
    clock.advance(WEEK - timedelta(days=1))
    assert armed(waiting) == 1


def test_what_a_person_sends_by_hand_has_no_cap(database, capped, sent, running, armed):
    capped()
    seeded = running(texts=1)
    sent(0)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET source = 'send' WHERE id = %s", [seeded.campaign_id])

    assert armed(seeded) == 1


def test_the_attempts_of_a_text_itself_do_not_count(
    database, user_id, clock, capped, running, claimed, pass_arm, armed
):
    capped()
    seeded, daemon = running(texts=1), new_id()
    (asked,) = claimed(seeded, daemon)
    pass_arm([asked], daemon)
    with database.transaction() as connection:
        answer = Result(asked.attempt_id, asked.id, asked.fence, asked.campaign_id, Outcome.ACCEPTED, message_id="SM1")
        recipients.settle(connection, user_id, [answer], now=clock.now())
        connection.execute("UPDATE submissions SET receipt_status = 'undelivered'")
        connection.execute("UPDATE campaign_recipients SET status = 'pending'")  # a person says so

    assert armed(seeded) == 1


def test_of_two_texts_to_one_number_in_one_arm_as_many_go_as_the_cap_lets(
    database, user_id, capped, running, claimed, pass_arm
):
    capped()
    daemon = new_id()
    both = [each for name in ("spring", "summer") for each in claimed(running(name, texts=1), daemon)]
    other = claimed(running("closed", kind="blast", texts=1), daemon)

    passed = pass_arm([*both, *other], daemon)

    assert len(passed) == 2
    assert other[0].attempt_id in passed
    assert statuses(database, user_id) == {"claimed": 1, "submitting": 2}


def test_a_run_without_a_cap_costs_not_one_statement_more(database, user_id, clock, capped, running, claimed):
    capped(kind="blast")
    daemon = new_id()
    asked = claimed(running(), daemon)

    with database.transaction() as connection:
        executed = []
        execute = connection.execute
        connection.execute = lambda *given: executed.append(given[0]) or execute(*given)
        arm(connection, user_id, asked, daemon=daemon, now=clock.now())

    assert executed[2:] == ["COMMIT"]
    assert rows(database, "phone_turns") == []


def test_dispatchers_that_text_the_same_people_at_once_never_pass_a_cap(
    database, user_id, clock, capped, running, claimed, pass_arm
):
    capped(most=2)
    numbers, campaigns = 20, 5
    work = []
    for place in range(campaigns):
        daemon = new_id()
        asked = claimed(running(f"campaign {place}", texts=numbers), daemon)
        work.append((asked[:: 1 if place % 2 else -1], daemon))
    ready = threading.Barrier(campaigns)

    def dispatch(asked, daemon):
        ready.wait()
        return sum(len(pass_arm(batch, daemon)) for batch in (asked[:7], asked[7:]))

    with ThreadPoolExecutor(campaigns) as dispatchers:
        passed = sum(dispatchers.map(lambda each: dispatch(*each), work))

    per_number = {row["count"] for row in _submissions_by_number(database)}
    assert (passed, per_number) == (2 * numbers, {2})
    assert statuses(database, user_id) == {"pending": 3 * numbers, "submitting": 2 * numbers}


def _submissions_by_number(database):
    with database.transaction() as connection:
        return connection.execute("SELECT count(*) FROM submissions GROUP BY phone_number").fetchall()


def test_who_arms_a_text_to_a_number_waits_for_another_who_does_and_counts_theirs(
    database, user_id, clock, capped, running, claimed, pass_arm, somebody_waits
):
    capped()
    daemon = new_id()
    spring, summer = (claimed(running(name, texts=1), daemon) for name in ("spring", "summer"))

    with ThreadPoolExecutor(1) as others:
        with database.transaction() as connection:
            first = arm(connection, user_id, spring, daemon=daemon, now=clock.now()).passed
            second = others.submit(pass_arm, summer, daemon)
            somebody_waits()
        passed = len(first), len(second.result())

    assert passed == (1, 0)


@pytest.fixture
def somebody_waits(database):
    query = (
        "SELECT count(*) AS waiting FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def look():
        with database.transaction() as connection:
            return connection.execute(query).fetchone()["waiting"] > 0

    return lambda: wait_until(look)

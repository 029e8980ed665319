"""Several daemons, and daemons that die: nobody is texted twice, nobody is lost."""

from collections import Counter
from datetime import timedelta
from threading import Thread
from typing import Any

import psycopg
import pytest
from support.daemons import at_once, dies_at
from support.salon import add_customer, apply_text, prices, rows, tenant_of

from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.campaigns.days import hold_day
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.enrolling import enter
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.reminding import remind
from lumiere_sms.campaigns.stepping import take_steps
from lumiere_sms.database.connection import Database

PEOPLE = 30
BOTH = """
campaigns:
  welcome:
    type: drip
    segment: all
    schedule: now
    steps:
      - {message: "first"}
      - {after: 1d, message: "second"}
  tomorrow: {type: reminder, segment: all, schedule: now, remind: 1 day before, message: "{{ last_name | sama }}"}
"""
ONCE_EACH = {"1": PEOPLE, "2": PEOPLE, "reminder": PEOPLE}


@pytest.fixture
def people(database, user_id, clock, tmp_path):
    for number in range(PEOPLE):
        appointment = clock.now() + timedelta(days=1, hours=1 + number % 5)
        phone = f"+8190000000{number:02}"
        add_customer(database, user_id, phone, last_name="田中", next_appointment_at=appointment)
    apply_text(database, tmp_path, BOTH, clock=clock)


def texts(database: Database) -> Counter[str]:
    """Count what was written: by step, or as reminders."""
    written = rows(database, "campaign_recipients")
    kinds = Counter("reminder" if row["appointment_at"] else row["step"] for row in written)
    persons = {(row["campaign_id"], row["phone_number"], row["step"]) for row in written}
    assert len(persons) == kinds.total(), "somebody would be texted twice"
    return kinds


def go_out(database: Database) -> None:
    """Let everything that waits be sent."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients"
            " SET status = 'sent', provider_message_id = 'SM' || id::text, sent_at = send_after"
            " WHERE status = 'pending'"
        )


def test_daemons_that_look_at_one_moment_write_each_text_once(database, database_url, clock, people):
    daemons = [Database(database_url) for _ in range(4)]
    doing = [lambda each=each: do_what_is_due(each, clock=clock, prices=prices) for each in daemons]

    for _ in range(3):
        at_once(*doing)
    first = texts(database)
    go_out(database)
    clock.advance(timedelta(days=1))
    for _ in range(3):
        at_once(*doing)

    for each in daemons:
        each.close()
    assert first == {"1": PEOPLE, "reminder": PEOPLE}
    assert texts(database) == ONCE_EACH
    days = Counter((row["campaign_id"], row["status"]) for row in rows(database, "campaign_occurrences"))
    assert {status for _, status in days} == {"running", "scheduled"}
    assert max(count for (_, status), count in days.items() if status == "scheduled") == 1


@pytest.fixture
def days(database, user_id, clock, people) -> dict[str, Any]:
    """Open the first days, without looking at them."""
    launch_due(database, clock=clock, prices=prices)
    running = [row for row in rows(database, "campaign_occurrences") if row["status"] == "running"]
    return {row["definition"]["type"]: row["id"] for row in running}


@pytest.mark.parametrize("looking", [pytest.param("drip", id="entering"), pytest.param("reminder", id="reminding")])
def test_a_look_that_is_taken_twice_at_once_writes_nothing_twice(database, user_id, clock, days, looking):
    def look(connection) -> None:
        day = hold_day(connection, user_id, occurrence_id=days[looking], now=clock.now())
        if looking == "drip":
            enter(connection, tenant_of(database), day, progress=lambda _: None)
        else:
            remind(connection, tenant_of(database), day)

    def later() -> None:
        with database.transaction() as connection:
            look(connection)

    with database.transaction() as connection:
        look(connection)
        second = Thread(target=later)
        second.start()
        while not _is_waiting(database):
            pass
    second.join()

    table = "enrolments" if looking == "drip" else "campaign_recipients"
    assert len(rows(database, table)) == PEOPLE


def test_who_was_entered_while_a_slow_look_read_on_is_not_entered_by_it_again(database, user_id, clock, days):
    def look(connection) -> None:
        day = hold_day(connection, user_id, occurrence_id=days["drip"], now=clock.now())
        enter(connection, tenant_of(database), day, progress=lambda _: None)

    def read_and_be_slow() -> None:
        with database.transaction() as connection:
            look(connection)

    with database.transaction() as quick:
        quick.execute("LOCK TABLE enrolments IN SHARE ROW EXCLUSIVE MODE")  # others read it, and write afterwards
        slow = Thread(target=read_and_be_slow)
        slow.start()
        while not _is_waiting(database):
            pass
        look(quick)
    slow.join()

    assert [row["round"] for row in rows(database, "enrolments")] == [1] * PEOPLE


def _is_waiting(database: Database) -> bool:
    with database.transaction() as connection:
        found = connection.execute("SELECT count(*) AS waits FROM pg_locks WHERE NOT granted").fetchone()
        return found["waits"] > 0


def test_steps_that_another_daemon_is_taking_are_left_to_it(database, user_id, clock, days):
    def take(connection):
        day = hold_day(connection, user_id, occurrence_id=days["drip"], now=clock.now())
        return take_steps(connection, tenant_of(database), day).people

    with database.transaction() as connection:
        day = hold_day(connection, user_id, occurrence_id=days["drip"], now=clock.now())
        enter(connection, tenant_of(database), day, progress=lambda _: None)
    with database.transaction() as here, database.transaction() as there:
        taken, left = take(here), take(there)

    assert (taken, left) == (PEOPLE, 0)
    assert texts(database) == {"1": PEOPLE}


def test_a_daemon_that_dies_while_it_takes_steps_leaves_them_to_the_others(database, user_id, clock, days):
    do_what_is_due(database, clock=clock, prices=prices)
    go_out(database)
    clock.advance(timedelta(days=1))
    launch_due(database, clock=clock, prices=prices)
    opened = [row for row in rows(database, "campaign_occurrences", order="occurs_at") if row["status"] == "running"]
    today = [row["id"] for row in opened if row["definition"]["type"] == "drip"][-1]

    taken = _take_and_die(database, user_id, today, now=clock.now())
    do_what_is_due(database, clock=clock, prices=prices)

    assert taken == PEOPLE
    assert texts(database) == ONCE_EACH


def _take_and_die(database, user_id, occurrence_id, *, now) -> int:
    with database.transaction() as connection:
        day = hold_day(connection, user_id, occurrence_id=occurrence_id, now=now)
        taken = take_steps(connection, tenant_of(database), day).people
        connection.execute("ROLLBACK")
    return taken


@pytest.mark.parametrize("ending", [pytest.param("complete", id="completed"), pytest.param("cancel", id="cancelled")])
def test_a_day_does_not_end_while_somebody_is_taken_into_it(database, user_id, clock, days, ending):
    def end() -> None:
        if ending == "complete":
            complete_finished(database, now=clock.now() + timedelta(days=1))
        else:
            lifecycle.cancel(database, user_id, name="welcome", clock=clock)

    with database.transaction() as connection:
        day = hold_day(connection, user_id, occurrence_id=days["drip"], now=clock.now())
        enter(connection, tenant_of(database), day, progress=lambda _: None)
        take_steps(connection, tenant_of(database), day)
        other = Thread(target=end)
        other.start()
        while not _is_waiting(database):
            pass
    other.join()

    after = {row["id"]: row["status"] for row in rows(database, "campaign_occurrences")}[days["drip"]]
    statuses = {row["status"] for row in rows(database, "campaign_recipients")}
    assert (after, statuses) == (("running", {"pending"}) if ending == "complete" else ("cancelled", {"cancelled"}))


def test_a_day_that_has_ended_takes_nobody_in(database, user_id, clock, days):
    lifecycle.pause(database, user_id, name="welcome", clock=clock)

    with database.transaction() as connection:
        paused = hold_day(connection, user_id, occurrence_id=days["drip"], now=clock.now())
        over = hold_day(connection, user_id, occurrence_id=days["reminder"], now=clock.now() + timedelta(days=1))

    assert (paused, over) == (None, None)


def test_the_database_itself_refuses_a_second_reminder_and_a_second_sequence(database, clock, people):
    do_what_is_due(database, clock=clock, prices=prices)

    for table, key in (("campaign_recipients", "appointment_key"), ("enrolments", "phone_number_key")):
        with pytest.raises(psycopg.errors.UniqueViolation, match=key), database.transaction() as connection:
            connection.execute(
                f"INSERT INTO {table} SELECT (jsonb_populate_record(one, %s)).* FROM {table} AS one"
                f" WHERE {'appointment_at IS NOT NULL' if table == 'campaign_recipients' else 'true'} LIMIT 1",
                [
                    psycopg.types.json.Jsonb(
                        {"id": "00000000-0000-0000-0000-000000000001", "step": "x"}
                        if table == "campaign_recipients"
                        else {
                            "id": "00000000-0000-0000-0000-000000000001",
                            "customer_id": "00000000-0000-0000-0000-000000000001",
                        }
                    )
                ],
            )


def test_a_daemon_may_be_killed_before_any_of_its_statements(database, database_url, clock, people):
    killed = 0
    for day in range(2):
        number = 1
        while dies_at(number, database_url, clock.now() + timedelta(days=day)):
            number += 1
            killed += 1
            clock.advance(timedelta(seconds=61))
        go_out(database)

    assert killed > 30
    assert texts(database) == ONCE_EACH

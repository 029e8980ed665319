from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, apply_text, define, prices, rows, tenant_of

from lumiere_sms.planning.plan import make_plan

REMIND = """
campaigns:
  tomorrow:
    type: reminder
    segment: all
    schedule: now
    send_rate_per_minute: 60000
    remind: 1 day before, 18:00-19:00
    message: "{{ last_name | sama }} {{ next_appointment_at | jdate }}"
"""
SEQUENCE = """
templates: {hello: {content: "Hello {{ last_name }}"}}
segments: {regulars: {filters: {visit_count: {min: 2}}}}
campaigns:
  welcome:
    type: drip
    segment: regulars
    schedule: now
    send_rate_per_minute: 60000
    steps:
      - {name: hello, template: hello, window: "10:00-20:00"}
      - {name: tips, after: 2d, message: "Did you know?", window: "10:00-20:00"}
      - {name: offer, after: 9d, message: "10% off"}
"""
TOMORROW = datetime(2026, 3, 16, 6, tzinfo=UTC)  # 15:00 in Tokyo, the day after the clock's


def planned(database, clock, folder, text):
    plan = make_plan(database, tenant_of(database), define(folder, text), clock=clock, prices=prices)
    (campaign,) = plan.campaigns
    return campaign


def by_day(found):
    return {day: texts for day, texts in sorted(Counter(row["sent_at"].date() for row in found).items()) if texts}


def test_the_reminders_of_the_next_days_are_those_that_go(database, user_id, clock, tmp_path, life):
    for number, days in enumerate((0, 0, 1, 3, 3, 3, 30)):
        at = TOMORROW + timedelta(days=days)
        add_customer(database, user_id, f"+81900000000{number}", last_name="田中", next_appointment_at=at)
    add_customer(database, user_id, "+819000000008", last_name=None, next_appointment_at=TOMORROW)
    add_customer(
        database, user_id, "+819000000009", last_name="佐藤", next_appointment_at=TOMORROW, allow_reminders=False
    )
    before = planned(database, clock, tmp_path, REMIND)
    apply_text(database, tmp_path, REMIND, clock=clock)

    life()
    life(hours=8)
    for _ in range(4):
        life(days=1)

    sent = [row for row in rows(database, "campaign_recipients") if row["status"] == "sent"]
    assert {each.day: each.texts for each in before.days if each.texts} == by_day(sent)
    assert len(before.days) == 7
    assert (before.kept, before.exclusions) == (6, {"missing_value:last_name": 1, "no_consent": 1})
    assert before.cost == sum(each.cost for each in before.days) == 6 * prices("JP").amount
    assert [slot.texts for slot in before.slots] == [2, 1, 3]
    assert [each.message for each in before.findings] == ['a customer without "last_name" gets no text']


def test_the_steps_of_the_next_days_are_those_that_are_taken(database, user_id, clock, tmp_path, life):
    for number in range(5):
        add_customer(database, user_id, f"+81900000000{number}", last_name="田中", visit_count=number)
    before = planned(database, clock, tmp_path, SEQUENCE)
    apply_text(database, tmp_path, SEQUENCE, clock=clock)

    life.day_by_day(3, step=timedelta(hours=6))

    sent = [row for row in rows(database, "campaign_recipients") if row["status"] == "sent"]
    assert {each.day: each.texts for each in before.days if each.texts} == by_day(sent)
    assert [each.steps for each in before.days if each.steps] == [{"hello": 3}, {"tips": 3}]
    assert before.days[0].day == date(2026, 3, 15)
    assert before.kept == 6


def test_somebody_who_is_under_way_is_planned_from_the_step_that_is_next(database, user_id, clock, tmp_path, life):
    for number in range(5):
        add_customer(database, user_id, f"+81900000000{number}", last_name="田中", visit_count=number)
    apply_text(database, tmp_path, SEQUENCE, clock=clock)
    life()
    life(hours=1)
    edited = SEQUENCE.replace("Did you know?", "Did you know that?")

    after = planned(database, clock, tmp_path, edited)

    assert [each.steps for each in after.days if each.steps] == [{"tips": 3}]
    assert after.dearest.text == "Did you know that?"


@pytest.mark.parametrize(
    ("remind", "zone"),
    [
        pytest.param("26h before", "Asia/Tokyo", id="good until the next day"),
        pytest.param("1 day before, 10:00-12:00", "America/New_York", id="in a window across our midnight"),
    ],
)
def test_a_reminder_that_may_go_on_two_days_is_planned_once(database, user_id, clock, tmp_path, life, remind, zone):
    for number in range(3):
        at = TOMORROW + timedelta(days=2, hours=number)
        add_customer(
            database, user_id, f"+81900000000{number}", last_name="田中", next_appointment_at=at, timezone=zone
        )
    text = REMIND.replace("1 day before, 18:00-19:00", remind)
    before = planned(database, clock, tmp_path, text)
    apply_text(database, tmp_path, text, clock=clock)

    life.day_by_day(4, step=timedelta(hours=1))

    sent = [row for row in rows(database, "campaign_recipients") if row["status"] == "sent"]
    assert (before.matched, before.kept) == (len(sent), len(sent)) == (3, 3)
    assert before.cost == 3 * prices("JP").amount


def test_a_reminder_whose_time_has_begun_is_planned_for_the_time_to_come(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", last_name="田中", next_appointment_at=TOMORROW)
    text = REMIND.replace("1 day before, 18:00-19:00", "26h before")
    clock.advance(timedelta(hours=6))

    (day, *_) = planned(database, clock, tmp_path, text).days

    assert (day.day, day.texts) == (date(2026, 3, 15), 1)
    assert planned(database, clock, tmp_path, text).starts_at >= clock.now()


def test_who_is_passed_over_at_one_step_is_planned_for_the_next(database, user_id, clock, tmp_path, life):
    for number in range(5):
        add_customer(
            database, user_id, f"+81900000000{number}", last_name=None if number % 2 else "田中", visit_count=3
        )
    before = planned(database, clock, tmp_path, SEQUENCE)
    apply_text(database, tmp_path, SEQUENCE, clock=clock)

    life.day_by_day(3, step=timedelta(hours=1))

    sent = [row for row in rows(database, "campaign_recipients") if row["status"] == "sent"]
    assert {each.day: each.texts for each in before.days if each.texts} == by_day(sent)
    assert [each.steps for each in before.days if each.steps] == [{"hello": 3}, {"tips": 5}]
    assert before.exclusions == {"missing_value:last_name": 2}


FOUR_DAYS = """
campaigns:
  welcome:
    type: drip
    segment: all
    schedule: now
    send_rate_per_minute: 60000
    window: "10:00-20:00"
    steps: [{message: one}, {message: two, after: 1d}, {message: three, after: 1d}, {message: four, after: 1d}]
"""


@pytest.mark.parametrize("then", ["exclude", "postpone"])
@pytest.mark.parametrize(
    ("most", "within", "days_before"),
    [
        pytest.param(1, "3d", 0, id="one in three days"),
        pytest.param(2, "3d", 1, id="two, one of them sent already"),
        pytest.param(1, "30d", 0, id="no more within what is planned"),
    ],
)
def test_a_frequency_cap_counts_the_steps_that_are_planned_before(  # noqa: PLR0917 - fixtures and cases
    database, user_id, clock, tmp_path, life, most, within, days_before, then
):
    rules = {"frequency_caps": {"drip": {"most": most, "within": within, "then": then}}}
    with database.transaction() as connection:
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])
    add_customer(database, user_id, "+819000000001")
    apply_text(database, tmp_path, FOUR_DAYS, clock=clock)
    life.day_by_day(days_before, step=timedelta(hours=1))
    add_customer(database, user_id, "+819000000002")
    before = planned(database, clock, tmp_path, FOUR_DAYS.replace("four", "the fourth"))
    already = len(life.provider.accepted)

    life.day_by_day(7, step=timedelta(hours=1))

    sent = [row for row in rows(database, "campaign_recipients", order="sent_at") if row["status"] == "sent"]
    assert {each.day: each.texts for each in before.days if each.texts} == by_day(sent[already:])


def test_a_cap_counts_what_somebody_got_however_late_the_others_are_due(database, user_id, clock, tmp_path, life):
    rules = {"frequency_caps": {"drip": {"most": 1, "within": "7d", "then": "exclude"}}}
    with database.transaction() as connection:
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])
    add_customer(database, user_id, "+819000000001")
    text = "campaigns: {%s: {type: drip, segment: all, schedule: now, steps: [{message: hi, after: %s}]}}"
    apply_text(database, tmp_path, text % ("other", "1h"), clock=clock)
    apply_text(database, tmp_path, text % ("welcome", "6d"), clock=clock)
    life.day_by_day(5, step=timedelta(hours=12))
    add_customer(database, user_id, "+819000000002")

    before = planned(database, clock, tmp_path, text % ("welcome", "6d"))

    assert (before.kept, before.exclusions) == (1, {"frequency_cap": 1})

import random
from datetime import UTC, datetime, timedelta

import pytest
from support.salon import add_customer, apply_text, only, prices, rows
from support.standing import change

from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.retrying import Wish, retry
from lumiere_sms.errors import LumiereError

REMIND = """
campaigns:
  tomorrow:
    type: reminder
    segment: all
    schedule: now
    send_rate_per_minute: 60000
    remind: 1 day before, 18:00-19:00
    message: "{{ last_name | sama }} {{ next_appointment_at | jdate }} {{ next_appointment_at | time }}"
"""
TOMORROW = datetime(2026, 3, 16, 6, tzinfo=UTC)  # 15:00 in Tokyo, the day after the clock's
HOURS_TO_SIX = 8  # from 10:00


def person(database, user_id, phone="+819000000001", *, at=TOMORROW, **columns):
    return add_customer(database, user_id, phone, last_name="田中", next_appointment_at=at, **columns)


def test_a_reminder_goes_in_its_window_of_the_day_before(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)

    morning, evening = life(), life(hours=HOURS_TO_SIX)

    assert (morning, evening) == ([], ["田中様 3月16日(月) 15:00"])
    assert life.day_by_day(2) == []


def test_an_appointment_late_in_the_evening_is_reminded_of_on_the_day_before_all_the_same(
    database, user_id, clock, tmp_path, life
):
    person(database, user_id, at=TOMORROW + timedelta(hours=6))
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()

    assert life(hours=HOURS_TO_SIX) == ["田中様 3月16日(月) 21:00"]


def test_a_moved_appointment_moves_its_text(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    change(database, who, next_appointment_at=TOMORROW + timedelta(days=1))

    today, tomorrow = life(hours=HOURS_TO_SIX), life(days=1)

    assert (today, tomorrow) == ([], ["田中様 3月17日(火) 15:00"])
    assert [(row["status"], row["reason"]) for row in rows(database, "campaign_recipients", order="step")] == [
        ("cancelled", "appointment_changed"),
        ("sent", None),
    ]


def test_a_cancelled_appointment_cancels_its_text(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    change(database, who, next_appointment_at=None)

    assert life(hours=HOURS_TO_SIX) == []
    assert only(database, "campaign_recipients")["reason"] == "appointment_changed"


def test_an_appointment_that_comes_back_is_reminded_of_once(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    change(database, who, next_appointment_at=None)
    life(hours=1)
    change(database, who, next_appointment_at=TOMORROW, last_name="佐藤")
    life(hours=1)

    assert life(hours=HOURS_TO_SIX - 2) == ["佐藤様 3月16日(月) 15:00"]
    assert only(database, "campaign_recipients")["status"] == "sent"


def test_an_appointment_that_is_gone_is_seen_at_the_gate_even_before_a_look(
    database, user_id, clock, tmp_path, life, dispatcher_of
):
    who = person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    clock.advance(timedelta(hours=HOURS_TO_SIX))
    change(database, who, next_appointment_at=TOMORROW + timedelta(hours=1))

    life.send()

    assert life.provider.accepted == []
    assert only(database, "campaign_recipients")["reason"] == "appointment_changed"


def test_an_appointment_made_in_the_afternoon_is_still_reminded_of(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    clock.advance(timedelta(hours=6))
    person(database, user_id)
    life()

    assert life(hours=2) == ["田中様 3月16日(月) 15:00"]


def test_one_made_after_the_window_is_written_down_as_too_late(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, REMIND, clock=clock)
    life(hours=HOURS_TO_SIX + 1)
    person(database, user_id)

    assert life(minutes=1) == []
    assert (only(database, "campaign_recipients")["status"], only(database, "campaign_recipients")["reason"]) == (
        "expired",
        "too_late",
    )


def test_nobody_is_missed_in_silence_while_no_daemon_ran(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=TOMORROW + timedelta(days=1))
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()

    life(days=1, hours=12)

    assert only(database, "campaign_recipients")["reason"] == "too_late"


def test_one_made_on_the_day_itself_is_written_down_as_too_late(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    clock.advance(timedelta(days=1))
    person(database, user_id)

    assert life(minutes=1) == []
    assert only(database, "campaign_recipients")["reason"] == "too_late"


def test_who_made_one_while_no_daemon_ran_is_not_missed_in_silence(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    person(database, user_id)

    life(hours=15)

    assert only(database, "campaign_recipients")["reason"] == "too_late"


def test_windows_that_passed_before_the_campaign_began_are_not_asked_after(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=clock.now() + timedelta(hours=5))
    apply_text(database, tmp_path, REMIND, clock=clock)

    life()

    assert rows(database, "campaign_recipients") == []


def test_an_edit_that_gives_more_time_rescues_who_was_too_late(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=clock.now() + timedelta(days=1, hours=5))
    apply_text(database, tmp_path, REMIND, clock=clock)
    life(hours=HOURS_TO_SIX + 2)
    late = only(database, "campaign_recipients")["reason"]
    apply_text(database, tmp_path, REMIND.replace("1 day before, 18:00-19:00", "2h before"), clock=clock)

    assert late == "too_late"
    assert life(hours=17) == ["田中様 3月16日(月) 15:00"]
    assert only(database, "campaign_recipients")["status"] == "sent"


def test_two_people_with_one_phone_are_reminded_each_of_their_own(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    person(database, user_id, at=TOMORROW + timedelta(hours=1))
    person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()

    assert sorted(life(hours=HOURS_TO_SIX)) == ["田中様 3月16日(月) 15:00", "田中様 3月16日(月) 16:00"]


def test_hours_before_are_hours_and_the_appointment_itself_is_the_end(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=clock.now() + timedelta(hours=5))
    person(database, user_id, "+819000000002", at=clock.now() + timedelta(minutes=30))
    text = REMIND.replace("1 day before, 18:00-19:00", "2h before")
    apply_text(database, tmp_path, text, clock=clock)

    late, early, due = life(), life(hours=2, minutes=59), life(minutes=1)

    assert (late, early, due) == (["田中様 3月15日(日) 10:30"], [], ["田中様 3月15日(日) 15:00"])


def test_who_refuses_reminders_gets_none_and_is_counted(database, user_id, clock, tmp_path, life):
    person(database, user_id, allow_reminders=False)
    apply_text(database, tmp_path, REMIND, clock=clock)

    life()
    life(minutes=1)

    (today, _) = rows(database, "campaign_occurrences", order="occurs_at")
    assert (today["audience_size"], today["exclusions"]) == (1, {"no_consent": 1})


def test_a_new_number_gets_the_reminder_instead_of_the_old_one(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    change(database, who, phone_number="+819000000009")
    life(minutes=1)
    life(hours=HOURS_TO_SIX)

    assert [each.to for each in life.provider.accepted] == ["+819000000009"]
    change(database, who, phone_number="+819000000008")
    assert life.day_by_day(1) == []


def test_an_edited_offset_reminds_nobody_a_second_time(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=TOMORROW + timedelta(days=1))
    apply_text(database, tmp_path, REMIND.replace("1 day", "2 days"), clock=clock)
    life()
    first = life(hours=HOURS_TO_SIX)
    apply_text(database, tmp_path, REMIND, clock=clock)

    assert first == ["田中様 3月17日(火) 15:00"]
    assert life.day_by_day(3) == []


def test_an_edited_text_is_that_of_what_is_written_from_then_on(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    person(database, user_id, "+819000000002", at=TOMORROW + timedelta(days=1))
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    apply_text(database, tmp_path, REMIND.replace("{{ last", "New: {{ last"), clock=clock)

    today, tomorrow = life(hours=HOURS_TO_SIX), life(days=1)

    assert (today, tomorrow) == (["田中様 3月16日(月) 15:00"], ["New: 田中様 3月17日(火) 15:00"])


def test_a_paused_campaign_reminds_nobody_and_goes_on_when_resumed(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    person(database, user_id, "+819000000002", at=TOMORROW + timedelta(days=2))
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    lifecycle.pause(database, user_id, name="tomorrow", clock=clock)
    paused = life.day_by_day(2)
    lifecycle.resume(database, user_id, name="tomorrow", clock=clock)

    assert paused == []
    assert life.day_by_day(1) == ["田中様 3月18日(水) 15:00"]


@pytest.mark.parametrize("looks", [pytest.param(1, id="once"), pytest.param(5, id="again and again at one instant")])
def test_a_look_is_taken_once_a_minute(database, user_id, clock, tmp_path, life, looks):
    apply_text(database, tmp_path, REMIND, clock=clock)
    life()
    person(database, user_id)

    for _ in range(looks):
        do_what_is_due(database, clock=clock, prices=prices)

    assert rows(database, "campaign_recipients") == []


@pytest.mark.parametrize("seed", range(2))
def test_whatever_becomes_of_appointments_each_is_reminded_of_once_if_it_stands_in_its_window(
    database, user_id, clock, tmp_path, life, seed
):
    chance, midnight = random.Random(seed), clock.now() - timedelta(hours=10)
    slots = [midnight + timedelta(days=day, hours=hour) for day in range(1, 9) for hour in (11, 15, 20)]
    stands = dict.fromkeys(person(database, user_id, f"+8190000000{number:02}", at=None) for number in range(6))
    phones = {row["id"]: row["phone_number"] for row in rows(database, "customers")}
    apply_text(database, tmp_path, REMIND, clock=clock)
    expected: list[tuple[str, datetime]] = []

    for day in range(5):
        for at in (timedelta(hours=10), timedelta(hours=17), timedelta(hours=18), timedelta(hours=18, minutes=40)):
            clock.advance(midnight + timedelta(days=day) + at - clock.now())
            for who in chance.sample(list(stands), 3):
                stands[who] = chance.choice([None, stands[who], *[slot for slot in slots if slot > clock.now()][:4]])
                change(database, who, next_appointment_at=stands[who])
            is_open = at.total_seconds() >= 18 * 3600
            (life if is_open else life.look)()
            tomorrow = midnight + timedelta(days=day + 1), midnight + timedelta(days=day + 2)
            due = [(phones[who], slot) for who, slot in stands.items() if slot and tomorrow[0] <= slot < tomorrow[1]]
            expected += [one for one in due if is_open and one not in expected]

    sent = [row for row in rows(database, "campaign_recipients") if row["status"] == "sent"]
    assert sorted((row["phone_number"], row["appointment_at"]) for row in sent) == sorted(expected)
    assert len(life.provider.accepted) == len(expected) > 5


def test_a_reminder_that_failed_may_go_again_until_its_appointment_and_not_after_it(
    database, user_id, clock, tmp_path, life
):
    person(database, user_id)
    apply_text(database, tmp_path, REMIND, clock=clock)
    life(), life(hours=HOURS_TO_SIX)
    fail_all(database)
    again = Wish(("failed",), more_time=timedelta(days=2))

    clock.advance(timedelta(minutes=20))
    retry(database, user_id, name="tomorrow", wish=again, clock=clock)
    until = only(database, "campaign_recipients")["expires_at"]
    fail_all(database)
    clock.advance(timedelta(days=1))
    with pytest.raises(LumiereError):
        retry(database, user_id, name="tomorrow", wish=again, clock=clock)

    assert until == TOMORROW
    assert life() == []
    assert only(database, "campaign_recipients")["status"] == "failed"


def fail_all(database):
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'failed', error_code = '30008'")
        connection.execute("UPDATE submissions SET receipt_status = 'undelivered'")


def test_who_failed_on_an_earlier_day_may_be_retried_too(database, user_id, clock, tmp_path, life):
    person(database, user_id, at=TOMORROW + timedelta(days=3))
    early = REMIND.replace("1 day before", "3 days before")
    apply_text(database, tmp_path, early, clock=clock)
    life(), life(days=1, hours=HOURS_TO_SIX)
    fail_all(database)
    life(days=1)

    with_time = Wish(("failed",), more_time=timedelta(days=1))
    retried = retry(database, user_id, name="tomorrow", wish=with_time, clock=clock)

    assert (retried.waiting, life()) == (1, ["田中様 3月19日(木) 15:00"])
    assert {row["status"] for row in rows(database, "campaign_occurrences")} == {"completed", "running", "scheduled"}

from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, apply_text, only, prices, rows, tenant_of
from support.standing import change

from lumiere_sms.analytics.report import campaign_report
from lumiere_sms.audience.suppressions import lift
from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.direct import send_test
from lumiere_sms.errors import RefusedError, RejectedError
from lumiere_sms.providers.base import Reply
from lumiere_sms.tracking.replies import apply_replies

DRIP = """
segments:
  new: {criteria: {field: visit_count, operator: lte, value: 1}}
campaigns:
  welcome:
    type: drip
    segment: new
    schedule: now
    send_rate_per_minute: 60000
    window: 09:00-20:00
    steps:
      - {name: thanks, message: "{{ last_name | sama }}、ありがとうございます"}
      - {name: tips, after: 3d, message: "お手入れのコツ", unless: [replied, visited]}
      - {name: offer, after: 2h, message: "次回10%オフ"}
"""
THANKS, TIPS, OFFER = "田中様、ありがとうございます", "お手入れのコツ", "次回10%オフ"


def person(database, user_id, phone="+819000000001", **columns):
    return add_customer(database, user_id, phone, last_name="田中", **columns)


def left(database):
    return [
        (row["steps_done"], row["left_reason"]) for row in rows(database, "enrolments", order="phone_number, round")
    ]


def test_each_step_goes_at_its_time_and_then_the_sequence_is_over(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)

    first, early, second, third = life(), life(hours=71, minutes=58), life(minutes=2), life(hours=2)

    assert (first, early, second, third) == ([THANKS], [], [TIPS], [OFFER])
    assert life.day_by_day(30, step=timedelta(days=3)) == []
    assert left(database) == [(3, "finished")]
    assert [row["step"] for row in rows(database, "campaign_recipients", order="step")] == ["1", "2", "3"]


def test_who_enters_the_segment_later_enters_the_sequence_then(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, DRIP, clock=clock)
    life(days=5)
    person(database, user_id)

    assert (life(minutes=1), life(days=3), life(hours=2)) == ([THANKS], [TIPS], [OFFER])


def test_a_step_that_falls_due_at_night_is_looked_at_when_its_window_opens(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, DRIP.replace("after: 3d", "after: 16h"), clock=clock)
    life()

    at_two, at_half_past_eight = life(hours=16), life(hours=6, minutes=30)
    change(database, who, last_sms_response=clock.now())
    at_nine = life(minutes=30)

    assert (at_two, at_half_past_eight, at_nine) == ([], [], [])
    assert left(database) == [(1, "replied")], "she replied in the morning, before the text was written"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param({"last_visit_date": date(2026, 3, 16)}, "visited", id="visited"),
        pytest.param({"last_sms_response": datetime(2026, 3, 15, 2, tzinfo=UTC)}, "replied", id="replied"),
        pytest.param({"opt_out_date": datetime(2026, 3, 15, 2, tzinfo=UTC)}, "opted_out", id="opted out"),
        pytest.param({"allow_promotional": False}, "no_consent", id="consent taken back"),
        pytest.param({"phone_number": None}, "no_phone", id="without a number"),
        pytest.param({"tags": ["vip"]}, "leave_when", id="meets leave_when"),
    ],
)
def test_who_does_what_ends_the_sequence_leaves(database, user_id, clock, tmp_path, life, columns, why):
    who = person(database, user_id)
    text = DRIP + "    enrol: {leave_when: {field: tags, operator: any, value: [vip]}}\n"
    apply_text(database, tmp_path, text, clock=clock)
    life()
    change(database, who, **columns)

    assert life.day_by_day(4, step=timedelta(days=1)) == []
    assert left(database) == [(1, why)]


@pytest.mark.parametrize("by_text", [True, False])
def test_who_refused_and_is_texted_again_has_not_replied(database, user_id, clock, tmp_path, life, by_text):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    stop = Reply("1", "+819000000001", "+15005550006", "STOP", clock.now())
    start = Reply("2", stop.phone, stop.sender, "START", clock.now() + timedelta(seconds=1))
    with database.transaction() as connection:
        apply_replies(connection, user_id, [stop, start][: 1 + by_text], provider="scripted", now=start.received_at)
        if not by_text:
            lift(connection, user_id, stop.phone, now=clock.now())

    assert life(days=3) == [TIPS]
    assert left(database) == [(2, None)]


def test_a_visit_of_the_day_of_entering_is_the_one_they_entered_by(database, user_id, clock, tmp_path, life):
    person(database, user_id, last_visit_date=date(2026, 3, 15))
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()

    assert life(days=3) == [TIPS]


def test_an_erased_customer_gets_no_more(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    with database.transaction() as connection:
        connection.execute("DELETE FROM customers WHERE id = %s", [who])

    assert life(days=3) == []
    assert left(database) == [(1, "erased")]


def test_a_step_that_cannot_be_said_is_passed_over_and_counted(database, user_id, clock, tmp_path, life):
    add_customer(database, user_id, "+819000000001")
    apply_text(database, tmp_path, DRIP, clock=clock)

    first, second = life(), life(days=3)

    assert (first, second) == ([], [TIPS])
    assert rows(database, "campaign_occurrences", order="occurs_at")[0]["exclusions"] == {"missing_value:last_name": 1}


@pytest.mark.parametrize(
    ("then", "sent"),
    [pytest.param("postpone", [[TIPS], [OFFER]], id="waits"), pytest.param("exclude", [[], [OFFER]], id="passed over")],
)
def test_a_frequency_cap_is_asked_before_each_step(database, user_id, clock, tmp_path, life, then, sent):
    person(database, user_id)
    rules = {"frequency_caps": {"drip": {"most": 1, "within": "5d", "then": then}}}
    with database.transaction() as connection:
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])
    apply_text(database, tmp_path, DRIP.replace("after: 2h", "after: 5d"), clock=clock)
    life()

    at_three, at_five, at_eight = life(days=3), life(days=2), life(days=3)

    assert at_three == []
    assert [at_five, at_eight] == [sent[0], [] if then == "postpone" else sent[1]]
    assert life(days=2) == (sent[1] if then == "postpone" else [])


def test_whose_number_changes_goes_on_under_the_new_one(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    change(database, who, phone_number="+819000000009")

    life(days=3)

    assert [each.to for each in life.provider.accepted] == ["+819000000001", "+819000000009"]
    assert only(database, "enrolments")["phone_number"] == "+819000000009"


def test_a_phone_that_two_people_share_gets_one_sequence(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    person(database, user_id)

    assert life.day_by_day(10, step=timedelta(days=1)) == [TIPS, OFFER]
    assert left(database) == [(3, "finished")]


def test_who_takes_over_the_number_of_another_in_the_sequence_leaves(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    person(database, user_id, "+819000000002")
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    change(database, who, phone_number="+819000000002")

    assert life.day_by_day(10, step=timedelta(days=1)) == [TIPS, OFFER]
    assert left(database) == [(1, "shared_phone"), (3, "finished")]


def test_of_two_at_different_steps_who_take_one_new_number_only_one_goes_on(database, user_id, clock, tmp_path, life):
    ahead = person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    clock.advance(timedelta(days=1))
    behind = person(database, user_id, "+819000000002")
    life()
    life(days=2)
    for who in (ahead, behind):
        change(database, who, phone_number="+819000000009")

    life(days=2)

    assert [reason for _, reason in left(database)].count("shared_phone") == 1
    assert [each.to for each in life.provider.accepted].count("+819000000009") == 1


def test_steps_that_fell_due_while_no_daemon_ran_go_late_one_at_a_time(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()

    assert (life(days=20), life(hours=1), life(hours=1)) == ([TIPS], [], [OFFER])


def test_who_waits_for_a_slow_text_is_not_looked_at_every_minute(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP.replace("after: 3d", "after: 5h"), clock=clock)
    life.look()
    clock.advance(timedelta(hours=5))

    life.look()

    assert only(database, "enrolments")["next_at"] == clock.now() + timedelta(hours=5)


def test_who_finished_enters_again_only_where_and_when_it_says_so(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP + "    enrol: {again_after: 30d}\n", clock=clock)

    first = life.day_by_day(32, step=timedelta(days=1))
    again = life.day_by_day(31, step=timedelta(days=1))

    assert (first, again) == ([THANKS, TIPS, OFFER], [THANKS, TIPS, OFFER])
    steps = [row["step"] for row in rows(database, "campaign_recipients", order="created_at, step")]
    assert sorted(steps) == ["1", "1/2", "2", "2/2", "3", "3/2"]


def test_a_step_waits_until_the_one_before_has_gone_and_is_counted_from_then(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(
        database, tmp_path, DRIP.replace("after: 3d", "after: 1h").replace("now", "2026-03-15 10:00"), clock=clock
    )
    life.look()
    clock.advance(timedelta(hours=3))
    life.look()
    waiting = [row["step"] for row in rows(database, "campaign_recipients")]

    first, early, second = life.send(), life(minutes=59), life(minutes=1)

    assert waiting == ["1"], "the first has not gone yet"
    assert (first, early, second) == ([THANKS], [], [TIPS])


def test_a_step_that_failed_is_not_the_end(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    life.provider._script.append(RejectedError("no"))
    apply_text(database, tmp_path, DRIP, clock=clock)

    assert (life(), life(days=3)) == ([], [TIPS])


def test_an_edited_step_is_said_from_then_on(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    apply_text(database, tmp_path, DRIP.replace(TIPS, "新しいコツ"), clock=clock)
    life(minutes=1)
    days = rows(database, "campaign_occurrences", order="occurs_at")

    assert life(days=3) == ["新しいコツ"]
    assert [(day["status"], day["revision"]) for day in days] == [("completed", 1), ("running", 2), ("scheduled", None)]


def test_steps_that_are_taken_away_are_the_end_for_who_had_the_others(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    apply_text(database, tmp_path, "\n".join(DRIP.splitlines()[:-2]) + "\n", clock=clock)

    assert life.day_by_day(5, step=timedelta(days=1)) == []
    assert left(database) == [(1, "finished")]


def test_a_template_edited_in_between_is_what_the_next_step_says(database, user_id, clock, tmp_path, life):
    text = DRIP.replace(f'message: "{TIPS}"', "template: tips") + f'templates: {{tips: {{content: "{TIPS}"}}}}\n'
    person(database, user_id)
    apply_text(database, tmp_path, text, clock=clock)
    life()
    apply_text(database, tmp_path, text.replace(f'content: "{TIPS}"', 'content: "別のコツ"'), clock=clock)

    assert life(days=3) == ["別のコツ"]


def test_a_template_that_may_not_be_used_any_more_pauses_the_sequence_with_the_reason(
    database, user_id, clock, tmp_path, life
):
    text = DRIP.replace(f'message: "{TIPS}"', "template: tips") + f'templates: {{tips: {{content: "{TIPS}"}}}}\n'
    person(database, user_id)
    apply_text(database, tmp_path, text, clock=clock)
    life()
    with database.transaction() as connection:
        connection.execute("UPDATE sms_templates SET is_active = false")

    assert life(days=3) == []
    assert only(database, "sms_campaigns")["status_reason"] == 'cannot go on: template "tips" is not active'
    with database.transaction() as connection:
        connection.execute("UPDATE sms_templates SET is_active = true")
    lifecycle.resume(database, user_id, name="welcome", clock=clock)
    assert life(minutes=1) == [TIPS], "nobody was lost by it"


def test_a_paused_sequence_goes_on_where_it_was(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    lifecycle.pause(database, user_id, name="welcome", clock=clock)
    person(database, user_id, "+819000000002")
    paused = life.day_by_day(10, step=timedelta(days=1))
    lifecycle.resume(database, user_id, name="welcome", clock=clock)

    assert paused == []
    assert sorted(life()) == sorted([THANKS, TIPS]), "the one goes on, the other enters"
    assert life(hours=2) == [OFFER]


def test_a_cancelled_sequence_is_over_for_all(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    lifecycle.cancel(database, user_id, name="welcome", clock=clock)

    assert life.day_by_day(5, step=timedelta(days=1)) == []
    assert left(database) == [(1, "campaign_cancelled")]
    assert {day["status"] for day in rows(database, "campaign_occurrences")} == {"cancelled"}


def test_days_follow_each_other_without_a_gap_and_are_completed(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life.day_by_day(3, step=timedelta(hours=6))
    clock.advance(timedelta(days=2))
    life()
    life(seconds=5)

    days = rows(database, "campaign_occurrences", order="occurs_at")
    assert [day["open_until"] for day in days[:-1]] == [day["occurs_at"] for day in days[1:]]
    assert [day["status"] for day in days] == [*["completed"] * (len(days) - 2), "running", "scheduled"]
    assert only(database, "sms_campaigns")["status"] == "running"


def test_a_step_of_its_own_window_leaves_in_that(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    text = DRIP.replace("window: 09:00-20:00", "window: 09:00-12:00")
    text = text.replace("{name: offer, after: 2h,", "{name: offer, after: 2h, window: 18:00-20:00,")
    apply_text(database, tmp_path, text, clock=clock)

    first, second, early, third = life(), life(days=3), life(hours=7, minutes=59), life(minutes=1)

    assert (first, second, early, third) == ([THANKS], [TIPS], [], [OFFER])


@pytest.mark.parametrize("type_", ["blast", "promotional"])
def test_what_takes_people_in_day_by_day_does_not_become_what_texts_all_at_once(
    database, user_id, clock, tmp_path, life, type_
):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    other = f"campaigns: {{welcome: {{type: {type_}, segment: all, schedule: now, message: hi}}}}"

    with pytest.raises(RefusedError, match=f"running as a drip; it does not become a {type_}"):
        apply_text(database, tmp_path, other, clock=clock)


def test_a_paused_one_is_edited_without_being_placed_anew(database, user_id, clock, tmp_path, life):
    person(database, user_id)
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    lifecycle.pause(database, user_id, name="welcome", clock=clock)
    applied = apply_text(database, tmp_path, DRIP.replace(TIPS, "新しいコツ"), clock=clock)
    lifecycle.resume(database, user_id, name="welcome", clock=clock)
    life(minutes=1)

    assert [change.note for change in applied.changes if change.kind == "campaign"] == [
        "from its next look on; what is written already keeps its text"
    ]
    assert life(days=3) == ["新しいコツ"]


def test_the_report_says_who_is_in_it_who_left_and_what_became_of_each_step(database, user_id, clock, tmp_path, life):
    who = person(database, user_id)
    for number in range(2, 5):
        person(database, user_id, f"+81900000000{number}")
    apply_text(database, tmp_path, DRIP, clock=clock)
    life()
    change(database, who, allow_promotional=False)
    life(days=3)

    found = campaign_report(database, user_id, "welcome").sequence

    assert found is not None
    assert (found.people, found.finished, found.left) == (3, 0, {"no_consent": 1})
    assert found.next_at == clock.now() + timedelta(hours=2)
    assert [(step.name, step.people_before, step.sent) for step in found.steps] == [
        ("thanks", 0, 4),
        ("tips", 0, 3),
        ("offer", 3, 0),
    ]


def test_a_test_text_of_a_sequence_is_its_first(database, user_id, clock, tmp_path, life):
    apply_text(database, tmp_path, DRIP, clock=clock)

    send_test(database, tenant_of(database), name="welcome", phone="+819000000009", clock=clock, prices=prices)

    assert life.send() == ["Yamada様、ありがとうございます"]


def test_everybody_gets_a_step_that_is_spread_over_windows_of_several_days(database, user_id, clock, tmp_path, life):
    for number in range(8):
        add_customer(database, user_id, f"+81900000000{number}")
    text = """
    campaigns:
      welcome:
        type: drip
        segment: all
        schedule: now
        spread: window
        expires_after: 2d
        send_rate_per_minute: 60000
        steps: [{message: Welcome}]
    """
    apply_text(database, tmp_path, text, clock=clock)

    left = [len(life(hours=hour and 1)) for hour in range(4 * 24)]

    assert sum(left) == 8
    assert max(left) < 8

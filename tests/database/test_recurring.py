from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from random import Random
from threading import Barrier, Thread

import pytest
from support.salon import add_customers, apply_text, define, only, prices, rows, tenant_of

from lumiere_sms.analytics.status import read_status
from lumiere_sms.campaigns import lifecycle, scheduling
from lumiere_sms.campaigns.apply import apply
from lumiere_sms.campaigns.calendars import stored_calendar
from lumiere_sms.campaigns.completion import complete_finished
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.listing import show_campaign
from lumiere_sms.campaigns.occurrences import coming
from lumiere_sms.campaigns.tenant_rules import change_rules, read_rules
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import DefinitionError, RefusedError, StateError, UsageError

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 15, 3, 0, tzinfo=UTC)  # 12:00 in Tokyo, a Sunday; the clock shows 10:00


def campaign(repeat: str, *, at: str = "2026-03-15 12:00", also: str = "") -> str:
    schedule = f"{{at: {at}, repeat: {{{repeat}}}}}"
    return f"campaigns:\n  spring: {{message: hello, segment: all, schedule: {schedule}{also}}}\n"


@pytest.fixture
def launch(database, clock):
    def at(instant: datetime):
        clock.advance(instant - clock.now())
        return [each.campaign for each in launch_due(database, clock=clock, prices=prices)]

    return at


@pytest.fixture
def put(database, clock, tmp_path):
    return partial(apply_text, database, tmp_path, clock=clock)


def times(database) -> list[tuple[str, str]]:
    return [
        (f"{row['occurs_at'].astimezone(UTC):%m-%d %H:%M}", row["status"])
        for row in rows(database, "campaign_occurrences", order="occurs_at")
    ]


def status(database) -> str:
    return only(database, "sms_campaigns")["status"]


def test_a_launch_writes_the_next_occurrence_and_the_last_one_completes_the_campaign(database, put, launch):
    put(campaign("type: daily, count: 3"))

    seen = [(launch(NOON + days * DAY), status(database), times(database)) for days in range(4)]

    assert [names for names, _, _ in seen] == [["spring"], ["spring"], ["spring"], []]
    assert [state for _, state, _ in seen] == ["running", "running", "completed", "completed"]
    assert seen[0][2] == [("03-15 03:00", "completed"), ("03-16 03:00", "scheduled")]
    assert seen[3][2] == [("03-15 03:00", "completed"), ("03-16 03:00", "completed"), ("03-17 03:00", "completed")]


def test_each_run_texts_everybody_anew_as_they_are_then(database, user_id, put, launch):
    add_customers(database, user_id, 2)
    put(campaign("type: daily"))

    launch(NOON)
    add_customers(database, user_id, 1, first=2)
    launch(NOON + DAY)

    texts = rows(database, "campaign_recipients", order="send_after, phone_number")
    assert [f"{each['send_after'].astimezone(UTC):%m-%d %H:%M}" for each in texts] == [
        *["03-15 03:00"] * 2,
        *["03-16 03:00"] * 3,
    ]


def test_the_requirements_pattern_is_kept_as_it_was_given(database, put):
    pattern = '"type": "weekly", "interval": 1, "daysOfWeek": [1, 3, 5], "endDate": "2026-06-15T23:59:59+09:00"'
    at = "scheduledAt: 2026-03-16T10:00:00+09:00, timezone: Asia/Tokyo"

    put(f"campaigns:\n  spring: {{message: hello, segment: all, schedule: {{{at}, repeatPattern: {{{pattern}}}}}}}\n")

    assert only(database, "sms_campaigns")["repeat_pattern"] == {
        "type": "weekly",
        "interval": 1,
        "daysOfWeek": [1, 3, 5],
        "endDate": "2026-06-15T23:59:59+09:00",
    }
    assert times(database) == [("03-16 01:00", "scheduled")]


def test_two_daemons_at_once_run_one_occurrence_once(database, user_id, clock, put):
    add_customers(database, user_id, 50)
    put(campaign("type: daily"))
    clock.advance(NOON - clock.now())
    start, launched = Barrier(2), []

    def daemon():
        start.wait()
        launched.extend(launch_due(database, clock=clock, prices=prices))

    daemons = [Thread(target=daemon) for _ in range(2)]
    for each in daemons:
        each.start()
    for each in daemons:
        each.join()

    assert len(launched) == 1
    assert times(database) == [("03-15 03:00", "running"), ("03-16 03:00", "scheduled")]
    assert len(rows(database, "campaign_recipients")) == 50


def test_what_cannot_be_launched_pauses_and_goes_on_where_it_was(database, user_id, clock, put, launch):
    template = "templates:\n  hi: {content: hello}\n"
    put(template + campaign("type: daily").replace("message: hello", "template: hi"))
    put("templates:\n  hi: {content: hello, is_active: false}\n")

    launch(NOON)

    assert (status(database), times(database)) == ("paused", [("03-15 03:00", "scheduled")])
    put(template)
    lifecycle.resume(database, user_id, name="spring", clock=clock)
    assert launch(NOON + timedelta(minutes=5)) == ["spring"]
    assert times(database) == [("03-15 03:00", "completed"), ("03-16 03:00", "scheduled")]


def test_what_was_missed_is_made_up_for_once(database, user_id, put, launch):
    add_customers(database, user_id, 1)
    put(campaign("type: daily"))

    launch(NOON + 2 * DAY + timedelta(hours=5))

    assert times(database) == [("03-15 03:00", "running"), ("03-18 03:00", "scheduled")]
    assert only(database, "campaign_recipients")["send_after"] == NOON + 2 * DAY + timedelta(hours=5)
    alert = only(database, "alerts")
    assert (alert["kind"], alert["subject"]) == ("occurrence_missed", "spring")
    assert alert["message"] == "2026-03-15 12:00 JST was missed: made up for at 2026-03-17 17:00 JST"


def test_a_little_late_is_not_missed(database, user_id, put, launch):
    add_customers(database, user_id, 1)
    put(campaign("type: daily, missed: skip"))

    launch(NOON + timedelta(hours=1))

    assert only(database, "campaign_recipients")["send_after"] == NOON
    assert rows(database, "alerts") == []


@pytest.mark.parametrize(
    ("repeat", "late", "why"),
    [
        pytest.param("type: daily, missed: skip", timedelta(hours=2), "skipped, as it says", id="as it says"),
        pytest.param(
            "type: daily",
            timedelta(hours=20),
            "no text could leave before the next one, at 2026-03-16 12:00 JST",
            id="the next one comes first",
        ),
    ],
)
def test_what_was_missed_is_skipped(database, user_id, put, launch, repeat, late, why):
    add_customers(database, user_id, 1)
    put(campaign(repeat, also=", window: [12:00-13:00]"))

    assert launch(NOON + late) == []

    assert times(database) == [("03-15 03:00", "skipped"), ("03-16 03:00", "scheduled")]
    assert (status(database), rows(database, "campaign_recipients")) == ("scheduled", [])
    skipped = rows(database, "audit_log")[-1]
    assert (skipped["actor"], skipped["action"]) == ("schedule", "occurrence.skip")
    assert skipped["reason"] == f"2026-03-15 12:00 JST was missed: {why}"


def test_a_last_occurrence_that_is_skipped_ends_the_campaign(database, put, launch):
    put(campaign("type: daily, count: 1, missed: skip"))

    launch(NOON + DAY)

    assert (status(database), times(database)) == ("completed", [("03-15 03:00", "skipped")])


def test_an_edit_keeps_what_was_launched_and_replaces_what_lies_ahead(database, put, launch):
    put(campaign("type: daily"))
    launch(NOON)

    changed = put(campaign("type: weekly, days_of_week: [mon]", at="2026-03-15 13:00"))

    assert changed.changes[0].note == "from its next run on; what was launched keeps its revision"
    assert times(database) == [("03-15 03:00", "completed"), ("03-16 04:00", "scheduled")]
    assert put(campaign("type: weekly, days_of_week: [mon]", at="2026-03-15 13:00")).is_empty


def test_another_template_is_what_the_next_run_sends(database, user_id, put, launch):
    add_customers(database, user_id, 1)
    template = "templates:\n  hi: {content: hello}\n"
    text = template + campaign("type: daily").replace("message: hello", "template: hi")
    put(text)
    launch(NOON)

    put(text.replace("content: hello", "content: good day"))
    shown = only(database, "sms_campaigns")["message_content"]
    launch(NOON + DAY)

    texts = [each["personalized_content"] for each in rows(database, "campaign_recipients", order="send_after")]
    assert (shown, texts) == ("good day", ["hello", "good day"])


def test_another_text_leaves_the_time_of_what_is_overdue(database, clock, put, launch):
    put(campaign("type: daily"))
    clock.advance(2 * DAY)

    put(campaign("type: daily", also=", priority: high"))

    assert times(database) == [("03-15 03:00", "scheduled")]
    assert only(database, "campaign_occurrences")["priority"] == "high"


def test_an_edit_at_the_moment_of_a_run_does_not_run_it_twice(database, clock, put, launch):
    put(campaign("type: daily"))
    launch(NOON)

    put(campaign("type: daily, count: 9"))

    assert times(database) == [("03-15 03:00", "completed"), ("03-16 03:00", "scheduled")]


def test_what_began_now_keeps_its_beginning_when_it_is_edited(database, clock, put, launch):
    put(campaign("type: daily", at="now"))
    launch(clock.now())
    clock.advance(timedelta(hours=1))

    put(campaign("type: daily, interval: 2", at="now"))

    assert times(database) == [("03-15 01:00", "completed"), ("03-17 01:00", "scheduled")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(campaign("type: daily, end_date: 2026-03-15"), id="an end that has passed"),
        pytest.param(campaign("type: daily, count: 1"), id="as often as it was"),
        pytest.param("campaigns:\n  spring: {message: hello, segment: all}\n", id="no schedule"),
        pytest.param(
            "campaigns:\n  spring: {message: hello, segment: all, schedule: 2026-03-15 12:00}\n", id="no recurrence"
        ),
    ],
)
def test_a_recurrence_that_is_ended_completes_the_campaign_with_its_last_run(
    database, user_id, clock, put, launch, text
):
    add_customers(database, user_id, 1)
    put(campaign("type: daily"))
    launch(NOON)

    put(text)

    assert (status(database), times(database)) == ("running", [("03-15 03:00", "running")])
    with database.transaction() as connection:
        connection.execute("UPDATE campaign_recipients SET status = 'cancelled'")
    complete_finished(database, now=clock.now())
    assert status(database) == "completed"


def test_a_recurring_campaign_gets_one_time_more(database, put, launch):
    put(campaign("type: daily"))
    launch(NOON)

    with pytest.raises(DefinitionError, match="which has passed"):
        put("campaigns:\n  spring: {message: hello, segment: all, schedule: 2026-03-14 12:00}\n")
    put("campaigns:\n  spring: {message: hello, segment: all, schedule: 2026-03-20 12:00}\n")

    assert times(database) == [("03-15 03:00", "completed"), ("03-20 03:00", "scheduled")]
    assert (launch(NOON + 5 * DAY), status(database)) == (["spring"], "completed")


def test_between_two_runs_an_end_completes_it_at_once(database, put, launch):
    put(campaign("type: daily"))
    launch(NOON)

    put(campaign("type: daily, count: 1"))

    assert (status(database), times(database)) == ("completed", [("03-15 03:00", "completed")])
    with pytest.raises(RefusedError, match="is completed; it is not launched a second time"):
        put(campaign("type: daily, count: 5"))


def test_it_is_paused_between_runs_and_goes_on(database, user_id, clock, put, launch):
    put(campaign("type: daily"))
    launch(NOON)
    lifecycle.pause(database, user_id, name="spring", clock=clock)
    paused = launch(NOON + DAY)

    moved = lifecycle.resume(database, user_id, name="spring", clock=clock)

    assert (paused, moved.after) == ([], "running")
    assert launch(NOON + DAY + timedelta(minutes=1)) == ["spring"]


def test_a_cancelled_one_does_not_come_up_again(database, user_id, clock, put, launch):
    put(campaign("type: daily"))
    launch(NOON)

    lifecycle.cancel(database, user_id, name="spring", clock=clock)

    assert launch(NOON + DAY) == []
    assert times(database) == [("03-15 03:00", "completed"), ("03-16 03:00", "cancelled")]


def test_what_began_in_the_past_goes_on_from_now(database, put):
    put(campaign("type: weekly, days_of_week: [7]", at="2024-01-07 09:00"))

    assert times(database) == [("03-22 00:00", "scheduled")]


def test_what_is_over_is_refused_at_its_place(database, clock, tmp_path):
    text = campaign("type: weekly, end_date: 2024-06-15", at="2024-03-15 10:00")

    with pytest.raises(DefinitionError) as refused:
        apply(database, tenant_of(database), define(tmp_path, text), clock=clock)

    (problem,) = refused.value.problems
    assert (problem.line, problem.column) == (2, 3)
    assert problem.message == 'campaign "spring" came up last at 2024-06-14 10:00 JST, which has passed'


@pytest.mark.parametrize("missed", ["run_once", "skip"])
def test_over_two_months_of_outages_nothing_is_run_twice_and_only_what_was_missed_is_left_out(
    database, clock, put, launch, missed
):
    chance, began = Random(missed), clock.now()
    put(campaign(f"type: daily, on_closed: skip, missed: {missed}"))
    alive = []

    while clock.now() < began + 60 * DAY:
        launch(clock.now() + timedelta(minutes=chance.choice((20, 50, 300, 3_000))))
        alive.append(clock.now())

    named = list(takewhile(lambda at: at <= clock.now(), due_of(database)))
    done = {row["occurs_at"]: row["status"] for row in rows(database, "campaign_occurrences")}
    launched = {row["occurs_at"] for row in rows(database, "campaign_occurrences") if row["launched_at"]}
    in_time = {at for at in named if any(at <= then <= at + timedelta(hours=1) for then in alive)}
    assert done.keys() - {max(done)} <= set(named)
    assert list(done.values()).count("scheduled") == 1
    assert in_time <= launched
    assert (launched == in_time) == (missed == "skip")


def due_of(database):
    found = only(database, "sms_campaigns")
    definition = CampaignDefinition.from_payload(found["definition"])
    return coming(tenant_of(database), definition, start=found["scheduled_at"])


def test_what_lies_ahead_of_a_recurring_campaign_is_not_under_way(database, user_id, clock, put, launch):
    add_customers(database, user_id, 1)
    put(campaign("type: daily"))
    launch(NOON)

    run, ahead = read_status(database, user_id, now=clock.now()).campaigns

    assert [(each.status, each.is_launched, each.why) for each in (run, ahead)] == [
        ("running", True, "no daemon is running: lumiere-sms run"),
        ("scheduled", False, ""),
    ]


# Closing days


def test_closing_days_of_the_business_are_kept(database, clock, put, launch):
    rules = read_rules(closed=["mon", "2026-03-18"])
    change_rules(database, "default", rules, by="ken", now=clock.now())
    put(campaign("type: daily, on_closed: skip"))

    for _ in range(4):
        launch(rows(database, "campaign_occurrences", order="occurs_at")[-1]["occurs_at"])

    # Friday the 20th is the day of the spring equinox
    assert [at for at, _ in times(database)] == [
        "03-15 03:00",
        "03-17 03:00",
        "03-19 03:00",
        "03-21 03:00",
        "03-22 03:00",
    ]


def test_a_campaigns_own_closing_days_beat_those_of_the_business(database, clock, put):
    change_rules(database, "default", read_rules(closed=["mon"]), by="ken", now=clock.now())

    put(campaign("type: daily, on_closed: skip", also=", closed: {weekdays: [sun], holidays: none}"))

    assert times(database) == [("03-16 03:00", "scheduled")]


def test_other_closing_days_move_what_lies_ahead(database, clock, put):
    put(campaign("type: daily, on_closed: next_open_day"))

    change_rules(database, "default", read_rules(closed=["sun", "2026-03-16..2026-03-19"]), by="ken", now=clock.now())
    moved = times(database)
    change_rules(database, "default", read_rules(closed=["default"], holidays="none"), by="ken", now=clock.now())

    assert (moved, times(database)) == ([("03-21 03:00", "scheduled")], [("03-15 03:00", "scheduled")])


def test_closing_days_that_leave_nothing_are_refused(database, clock, put):
    put(campaign("type: weekly, days_of_week: [sun], on_closed: skip"))

    with pytest.raises(RefusedError, match="never comes up"):
        change_rules(database, "default", read_rules(closed=["sun"]), by="ken", now=clock.now())

    assert times(database) == [("03-15 03:00", "scheduled")]


# By command


@pytest.fixture
def schedule(database, clock):
    return lambda **about: scheduling.schedule(database, tenant_of(database), name="spring", clock=clock, **about)


DRAFT = "campaigns:\n  spring: {message: hello, segment: all}\n"


def test_a_command_lets_a_draft_recur_and_shows_the_next_five(database, put, schedule):
    put(DRAFT)

    scheduled = schedule(at="2026-04-27 10:00", repeat={"type": "weekly", "days_of_week": [3], "on_closed": "skip"})

    assert times(database) == [("05-13 01:00", "scheduled")]
    assert scheduled.calendar is not None
    assert [f"{at:%m-%d %H:%M}" for at in scheduled.calendar.upcoming] == [
        "05-13 01:00",
        "05-20 01:00",
        "05-27 01:00",
        "06-03 01:00",
        "06-10 01:00",
    ]
    assert [(f"{one.day:%m-%d}", one.why) for one in scheduled.calendar.left_out] == [
        ("04-29", "Showa Day"),
        ("05-06", "Substitute Holiday"),
    ]


def test_another_time_keeps_the_recurrence_and_another_recurrence_the_time(database, put, schedule):
    put(campaign("type: weekly, days_of_week: [1]"))

    schedule(at="2026-03-20 15:00")
    later = times(database)
    schedule(at=None, repeat={"type": "daily"})

    assert (later, times(database)) == ([("03-23 06:00", "scheduled")], [("03-20 06:00", "scheduled")])


def test_once_ends_the_recurrence(database, put, schedule):
    put(campaign("type: daily"))

    scheduled = schedule(at="2026-03-20 15:00", repeat={})

    assert scheduled.calendar is None
    assert only(database, "sms_campaigns")["repeat_pattern"] is None


def test_once_ends_what_was_launched(database, put, launch, schedule):
    put(campaign("type: daily"))
    launch(NOON)

    scheduled = schedule(at=None, repeat={})

    assert (scheduled.occurs_at, scheduled.calendar, status(database)) == (None, None, "completed")


def test_a_recurring_campaign_gets_another_calendar_between_two_runs(database, put, launch, schedule):
    put(campaign("type: daily"))
    launch(NOON)

    schedule(at="2026-03-20 15:00")

    assert times(database) == [("03-15 03:00", "completed"), ("03-20 06:00", "scheduled")]
    assert status(database) == "running"


@pytest.mark.parametrize(
    ("about", "refused", "said"),
    [
        pytest.param({"at": None, "repeat": {"type": "daily"}}, RefusedError, "has no time yet", id="no time"),
        pytest.param(
            {"at": "2026-03-20 10:00", "repeat": {"type": "daily", "end_date": "2026-03-19"}},
            UsageError,
            "it ends on 2026-03-19, before it begins",
            id="an end before the beginning",
        ),
        pytest.param(
            {"at": "2026-03-20 10:00", "repeat": {"type": "monthly", "interval": 12, "day_of_month": 31, "nth": 1}},
            UsageError,
            "exclude each other",
            id="days that exclude each other",
        ),
        pytest.param(
            {"at": "2026-03-20 10:00", "repeat": {"type": "daily"}, "zone": "Europe/Paris"},
            RefusedError,
            "goes by its own zone, Asia/Tokyo, not by Europe/Paris",
            id="another zone",
        ),
        pytest.param(
            {"at": "2025-03-20 10:00", "repeat": {"type": "daily", "count": 3}},
            RefusedError,
            "came up last at 2025-03-22 10:00 JST",
            id="over",
        ),
        pytest.param(
            {"at": "2026-03-20 10:00", "repeat": {"type": "daily", "end_date": "soon"}},
            UsageError,
            '"soon" is not a day',
            id="soon",
        ),
    ],
)
def test_a_calendar_that_is_none_is_refused(database, put, schedule, about, refused, said):
    put(DRAFT)

    with pytest.raises(refused, match=said):
        schedule(**about)

    assert times(database) == []


def test_what_goes_on_every_day_gets_no_calendar(database, put, schedule):
    put(DRAFT.replace("message: hello", "type: reminder, message: hello, remind: 1 day before"))

    with pytest.raises(RefusedError, match="a reminder does not repeat: from its start on it goes on every day"):
        schedule(at="2026-03-20 10:00", repeat={"type": "daily"})


def test_a_one_off_that_runs_is_not_scheduled_again(database, user_id, put, launch, schedule):
    add_customers(database, user_id, 1)
    put('campaigns:\n  spring: {message: hello, segment: all, schedule: "2026-03-15 12:00"}\n')
    launch(NOON)

    with pytest.raises(StateError, match="is running; only a draft or scheduled campaign"):
        schedule(at="2026-03-20 15:00", repeat={"type": "daily"})


def test_what_is_over_or_a_draft_has_no_calendar(database, user_id, clock, put, launch):
    put(DRAFT)
    draft = show_campaign(database, user_id, name="spring")
    put(campaign("type: daily, count: 1"))
    launch(NOON)
    over = show_campaign(database, user_id, name="spring")

    assert [stored_calendar(tenant_of(database), each, now=clock.now()) for each in (draft, over)] == [None, None]
    assert [(each["status"], each["audience_size"]) for each in over["runs"]] == [("completed", 0)]


def test_a_calendar_that_is_taken_back_is_the_one_before(database, clock, put, schedule):
    put(campaign("type: weekly", at="2024-03-17 12:00"))
    scheduled = schedule(at="now", repeat={"type": "daily"}, undo_window=timedelta(minutes=1))

    scheduling.undo(database, tenant_of(database), scheduled, clock=clock)

    assert times(database) == [("03-15 03:00", "scheduled")]
    assert only(database, "sms_campaigns")["repeat_pattern"]["type"] == "weekly"


def test_a_command_is_on_record_with_the_recurrence(database, put, schedule):
    put(DRAFT)

    schedule(at="2026-03-20 10:00", repeat={"type": "daily"}, by="hanako")

    entry = rows(database, "audit_log", order="seq")[-1]
    assert (entry["actor"], entry["before"]) == ("hanako", {"scheduled_at": None})
    assert entry["after"]["scheduled_at"] == "2026-03-20T01:00:00+00:00"
    assert entry["after"]["repeat"]["type"] == "daily"


def test_what_lies_ahead_of_a_stored_campaign_is_shown(database, user_id, clock, put, launch):
    put(campaign("type: daily, count: 3"))
    launch(NOON)
    clock.advance(timedelta(seconds=1))

    found = show_campaign(database, user_id, name="spring")
    calendar = stored_calendar(tenant_of(database), found, now=clock.now())

    assert calendar is not None
    assert [f"{at:%m-%d %H:%M}" for at in calendar.upcoming] == ["03-16 03:00", "03-17 03:00"]
    assert (calendar.words, calendar.limits) == ("every day at 12:00", ("3 times at most",))


@pytest.mark.parametrize(
    ("edited", "ran"),
    [
        pytest.param(campaign("type: daily, count: 9"), ["spring"], id="that is in the new calendar too stays"),
        pytest.param(campaign("type: daily", at="2026-03-15 15:00"), [], id="that is not any more is replaced"),
    ],
)
def test_an_edit_before_a_due_run_was_launched(database, user_id, clock, put, launch, edited, ran):
    put(campaign("type: daily"))
    clock.advance(NOON - clock.now() + timedelta(minutes=5))

    put(edited)

    assert launch(clock.now()) == ran
    assert len(times(database)) == len(ran) + 1

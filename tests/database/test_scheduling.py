from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from support.salon import add_customers, apply_text, only, prices, rows, tenant_of

from lumiere_sms.campaigns import lifecycle, scheduling
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.errors import StateError

DRAFT = "campaigns:\n  spring: {message: hello, segment: all}\n"
LATER = 'campaigns:\n  spring: {message: hello, segment: all, schedule: "2026-03-15 12:00"}\n'
NOON = datetime(2026, 3, 15, 3, 0, tzinfo=UTC)
MINUTE = timedelta(seconds=60)


@pytest.fixture
def launch(database, clock):
    return lambda: launch_due(database, clock=clock, prices=prices)


@pytest.fixture
def go_now(database, user_id, clock, tmp_path):
    def schedule(text: str):
        add_customers(database, user_id, 2)
        apply_text(database, tmp_path, text, clock=clock)
        about = {"name": "spring", "at": "now", "undo_window": MINUTE, "clock": clock, "by": "hanako"}
        return scheduling.schedule(database, tenant_of(database), **about)

    return schedule


@pytest.fixture
def undo(database, clock):
    return partial(scheduling.undo, database, clock=clock, by="hanako")


def test_a_campaign_that_goes_now_starts_when_the_undo_window_has_passed(clock, go_now, launch):
    scheduled = go_now(DRAFT)

    clock.advance(MINUTE - timedelta(seconds=1))
    before = launch()
    clock.advance(timedelta(seconds=1))
    after = launch()

    assert scheduled.occurs_at == clock.now()
    assert ([each.campaign for each in before], [each.campaign for each in after]) == ([], ["spring"])


@pytest.mark.parametrize(
    ("text", "status", "at"),
    [pytest.param(DRAFT, "draft", None, id="a draft"), pytest.param(LATER, "scheduled", NOON, id="another time")],
)
def test_a_time_that_is_taken_back_leaves_the_campaign_as_it_was(
    database, clock, go_now, launch, undo, text, status, at
):
    scheduled = go_now(text)

    moved = undo(tenant_of(database), scheduled)
    clock.advance(MINUTE)

    campaign = only(database, "sms_campaigns")
    assert (moved.after, campaign["status"], campaign["scheduled_at"]) == (status, status, at)
    assert [row["occurs_at"] for row in rows(database, "campaign_occurrences")] == ([at] if at else [])
    assert (launch(), rows(database, "campaign_recipients")) == ([], [])


def test_a_time_that_is_taken_back_is_no_difference_from_the_file(database, clock, tmp_path, go_now, undo):
    undo(tenant_of(database), go_now(LATER))

    assert apply_text(database, tmp_path, LATER, clock=clock).is_empty


def test_a_time_that_has_come_meanwhile_is_not_gone_back_to(database, clock, go_now, launch, undo):
    clock.advance(timedelta(hours=1, minutes=59, seconds=50))
    scheduled = go_now(LATER)
    clock.advance(timedelta(seconds=30))

    moved = undo(tenant_of(database), scheduled)

    assert (moved.after, launch()) == ("draft", [])


def test_a_campaign_that_was_launched_meanwhile_is_paused_instead(database, clock, go_now, launch, undo):
    scheduled = go_now(DRAFT)
    clock.advance(MINUTE)
    launch()

    moved = undo(tenant_of(database), scheduled)

    assert (moved.before, moved.after) == ("running", "paused")
    assert only(database, "sms_campaigns")["status_reason"] == "taken back after its launch"


def test_another_persons_time_is_not_taken_back(database, clock, go_now, undo):
    scheduled = go_now(DRAFT)
    scheduling.schedule(database, tenant_of(database), name="spring", at="2026-03-16 10:00", clock=clock)

    with pytest.raises(StateError, match="changed by somebody else"):
        undo(tenant_of(database), scheduled)

    assert only(database, "sms_campaigns")["status"] == "scheduled"


def test_a_campaign_cancelled_in_its_undo_window_texts_nobody(database, user_id, clock, go_now, launch, undo):
    scheduled = go_now(DRAFT)

    lifecycle.cancel(database, user_id, name="spring", clock=clock)
    clock.advance(MINUTE)

    assert (launch(), rows(database, "campaign_recipients")) == ([], [])
    with pytest.raises(StateError, match="is cancelled"):
        undo(tenant_of(database), scheduled)


def test_who_did_what_is_on_record(database, user_id, clock, go_now, undo):
    undo(tenant_of(database), go_now(DRAFT))
    lifecycle.cancel(database, user_id, name="spring", reason="wrong segment", by="taro", clock=clock)

    log = [each for each in rows(database, "audit_log", order="seq") if each["actor"] != "operator"]
    at = (clock.now() + MINUTE).isoformat()
    assert [(each["actor"], each["action"], each["subject"]) for each in log] == [
        ("hanako", "campaign.schedule", "spring"),
        ("hanako", "campaign.undo", "spring"),
        ("taro", "campaign.cancel", "spring"),
    ]
    assert [each["after"] for each in log] == [{"scheduled_at": at}, {"scheduled_at": None}, {"status": "cancelled"}]
    assert (log[2]["reason"], log[2]["before"]) == ("wrong segment", {"status": "draft"})


RECURRING = (
    'campaigns:\n  spring: {message: hello, segment: all, schedule: {at: "2026-03-15 12:00", repeat: {type: daily}}}\n'
)


@pytest.fixture
def running(database, clock, tmp_path, launch):
    """Run a daily campaign once, and give it another calendar between two runs."""
    add_customers(database, tenant_of(database).id, 2)
    apply_text(database, tmp_path, RECURRING, clock=clock)
    clock.advance(NOON - clock.now())
    launch()
    about = {"name": "spring", "at": "now", "undo_window": MINUTE, "clock": clock, "by": "hanako"}
    return scheduling.schedule(database, tenant_of(database), **about, repeat={"type": "weekly"})


def test_a_calendar_that_is_taken_back_between_two_runs_leaves_the_one_before(database, clock, running, launch, undo):
    ahead = [row["occurs_at"] for row in rows(database, "campaign_occurrences") if row["status"] == "scheduled"]

    moved = undo(tenant_of(database), running)
    clock.advance(MINUTE)

    back = [row["occurs_at"] for row in rows(database, "campaign_occurrences") if row["status"] == "scheduled"]
    assert (ahead, back) == ([NOON + MINUTE], [NOON + timedelta(days=1)])
    assert (moved.before, moved.after, launch()) == ("running", "running", [])
    assert only(database, "sms_campaigns")["definition"]["schedule"]["repeat"]["type"] == "daily"


def test_a_run_that_began_after_its_calendar_was_changed_is_paused_instead(database, clock, running, launch, undo):
    clock.advance(MINUTE)
    launch()

    assert undo(tenant_of(database), running).after == "paused"

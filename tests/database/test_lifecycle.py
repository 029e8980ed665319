from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from support.salon import add_customers, apply_text, only, prices, rows, tenant_of

from lumiere_sms.campaigns import lifecycle, scheduling
from lumiere_sms.campaigns.in_flight import counted, landed
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.campaigns.listing import find_campaign, list_campaigns, list_recipients
from lumiere_sms.campaigns.writing import Author, revise_campaign
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.errors import RefusedError, StateError, UsageError

DRAFT = "campaigns:\n  spring: {message: hello, segment: all}\n"
NOW = "campaigns:\n  spring: {message: hello, segment: all, schedule: now}\n"
LATER = 'campaigns:\n  spring: {message: hello, segment: all, schedule: "2026-03-15 12:00"}\n'
ACTIONS = {
    "schedule": lambda database, user_id, clock: scheduling.schedule(
        database, tenant_of(database), name="spring", at="2026-03-16 10:00", clock=clock
    ),
    "pause": lambda database, user_id, clock: lifecycle.pause(database, user_id, name="spring", clock=clock),
    "resume": lambda database, user_id, clock: lifecycle.resume(database, user_id, name="spring", clock=clock),
    "cancel": lambda database, user_id, clock: lifecycle.cancel(database, user_id, name="spring", clock=clock),
    "delete": lambda database, user_id, clock: lifecycle.delete(database, user_id, name="spring", clock=clock),
}
ALLOWED = {
    ("draft", "schedule"): "scheduled",
    ("draft", "cancel"): "cancelled",
    ("draft", "delete"): "draft",
    ("scheduled", "schedule"): "scheduled",
    ("scheduled", "pause"): "paused",
    ("scheduled", "cancel"): "cancelled",
    ("scheduled", "delete"): "cancelled",
    ("running", "pause"): "paused",
    ("running", "cancel"): "cancelled",
    ("paused", "resume"): "running",
    ("paused", "cancel"): "cancelled",
    ("completed", "delete"): "completed",
    ("cancelled", "delete"): "cancelled",
}


def bring_to(database, user_id, clock, tmp_path, status):
    if status != "completed":
        add_customers(database, user_id, 3)
    apply_text(database, tmp_path, {"draft": DRAFT, "scheduled": LATER}.get(status, NOW), clock=clock)
    if status in {"running", "paused", "completed", "cancelled"}:
        launch_due(database, clock=clock, prices=prices)
    if status in {"paused", "cancelled"}:
        ACTIONS["pause" if status == "paused" else "cancel"](database, user_id, clock)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("status", ["draft", "scheduled", "running", "paused", "completed", "cancelled"])
def test_each_state_allows_what_it_says_and_refuses_the_rest(database, user_id, clock, tmp_path, status, action):
    bring_to(database, user_id, clock, tmp_path, status)

    if (status, action) in ALLOWED:
        ACTIONS[action](database, user_id, clock)
        assert only(database, "sms_campaigns")["status"] == ALLOWED[status, action]
        return
    with pytest.raises(StateError, match=f'campaign "spring" is {status}') as refused:
        ACTIONS[action](database, user_id, clock)

    assert only(database, "sms_campaigns")["status"] == status
    possible = [name for name in ACTIONS if (status, name) in ALLOWED]
    assert all(f"campaign {name}" in refused.value.hint for name in possible)


def test_a_name_that_does_not_exist_gets_a_guess(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "draft")

    with pytest.raises(StateError, match='there is no campaign "sprnig"') as near:
        lifecycle.pause(database, user_id, name="sprnig", clock=clock)
    with pytest.raises(StateError) as far:
        lifecycle.pause(database, user_id, name="winter", clock=clock)

    assert (near.value.hint, far.value.hint) == ('did you mean "spring"?', "lumiere-sms campaign list")


@pytest.mark.parametrize(
    ("at", "zone", "instant"),
    [
        pytest.param("2026-03-16 10:00", None, datetime(2026, 3, 16, 1, tzinfo=UTC), id="the campaign's own zone"),
        pytest.param("2026-03-16 10:00", "America/New_York", datetime(2026, 3, 16, 14, tzinfo=UTC), id="another zone"),
        pytest.param("2026-03-16T10:00+09:00", "UTC", datetime(2026, 3, 16, 1, tzinfo=UTC), id="an offset"),
        pytest.param("now", None, datetime(2026, 3, 15, 1, tzinfo=UTC), id="now"),
    ],
)
def test_a_schedule_by_command_is_an_instant_and_a_marked_revision(
    database, user_id, clock, tmp_path, at, zone, instant
):
    bring_to(database, user_id, clock, tmp_path, "draft")

    scheduled = scheduling.schedule(database, tenant_of(database), name="spring", at=at, zone=zone, clock=clock)

    campaign = only(database, "sms_campaigns")
    assert (scheduled.occurs_at, scheduled.zone) == (instant, zone or "Asia/Tokyo")
    assert campaign["scheduled_at"] == only(database, "campaign_occurrences")["occurs_at"] == instant
    assert (campaign["revision"], campaign["source"], campaign["timezone"]) == (2, "command", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("at", "zone", "refused", "said"),
    [
        pytest.param("2026-03-14 10:00", None, RefusedError, r"10:00 \(Asia/Tokyo\) has passed", id="the past"),
        pytest.param("2026-03-16 10:00", "Asia/Osaka", UsageError, "did you mean Asia/Tokyo", id="no zone"),
        pytest.param("tomorrow", None, UsageError, '"tomorrow" is not a time', id="no time"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(database, user_id, clock, tmp_path, at, zone, refused, said):
    bring_to(database, user_id, clock, tmp_path, "draft")

    with pytest.raises(refused, match=said):
        scheduling.schedule(database, tenant_of(database), name="spring", at=at, zone=zone, clock=clock)

    assert only(database, "sms_campaigns")["revision"] == 1


def test_a_pause_keeps_its_reason_and_who(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "running")

    moved = lifecycle.pause(database, user_id, name="spring", reason="wrong price", by="hanako", clock=clock)

    campaign = only(database, "sms_campaigns")
    assert (moved.before, moved.after, moved.in_flight) == ("running", "paused", ())
    assert (campaign["status_reason"], campaign["status_by"]) == ("wrong price", "hanako")


def test_a_campaign_paused_before_its_launch_is_scheduled_again(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "scheduled")
    lifecycle.pause(database, user_id, name="spring", clock=clock)

    moved = lifecycle.resume(database, user_id, name="spring", clock=clock)

    assert moved.after == only(database, "sms_campaigns")["status"] == "scheduled"
    assert only(database, "sms_campaigns")["status_reason"] is None


def in_states(database, *statuses, until=None):
    ids = [row["id"] for row in rows(database, "campaign_recipients")]
    with database.transaction() as connection:
        for id_, status in zip(ids, statuses, strict=True):
            leased = status in {"claimed", "submitting"}
            connection.execute(
                "UPDATE campaign_recipients SET status = %(status)s,"
                " claimed_by = CASE WHEN %(leased)s THEN gen_random_uuid() END,"
                " claimed_until = CASE WHEN %(leased)s THEN coalesce(%(until)s, now()) END,"
                " provider_message_id = CASE WHEN %(status)s = 'sent' THEN 'SM1' END WHERE id = %(id)s",
                {"status": status, "leased": leased, "until": until, "id": id_},
            )


def test_cancel_stops_who_waits_and_counts_who_is_on_the_wire(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 5)
    apply_text(database, tmp_path, NOW, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    in_states(database, "pending", "claimed", "submitting", "sent", "unknown")

    moved = lifecycle.cancel(database, user_id, name="spring", reason="sold out", clock=clock)

    states = sorted(row["status"] for row in rows(database, "campaign_recipients"))
    assert (moved.stopped, len(moved.in_flight)) == (2, 1)
    assert states == ["cancelled", "cancelled", "sent", "submitting", "unknown"]
    assert only(database, "campaign_occurrences")["status"] == "cancelled"
    assert only(database, "sms_campaigns")["status_reason"] == "sold out"


def test_resume_says_who_is_left_and_who_has_missed_the_window(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 4)
    apply_text(database, tmp_path, NOW, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    in_states(database, "pending", "pending", "sent", "expired")
    lifecycle.pause(database, user_id, name="spring", clock=clock)

    in_time = lifecycle.resume(database, user_id, name="spring", clock=clock)
    lifecycle.pause(database, user_id, name="spring", clock=clock)
    clock.advance(timedelta(days=1))
    late = lifecycle.resume(database, user_id, name="spring", clock=clock)

    assert (in_time.left, in_time.expired) == (2, 1)
    assert (late.left, late.expired) == (0, 3)


def test_pause_waits_until_what_is_in_flight_has_settled_and_says_what_became_of_it(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 3)
    apply_text(database, tmp_path, NOW, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    in_states(database, "submitting", "submitting", "pending")
    moved = lifecycle.pause(database, user_id, name="spring", clock=clock)
    looks = []

    def settle_at_the_third_look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            in_states(database, "sent", "failed", "pending")

    ended = landed(database, user_id, moved.in_flight, clock=clock, sleep=settle_at_the_third_look)

    assert {each.status for each in moved.in_flight} == {"submitting"}
    assert (counted(ended), len(looks)) == ({"failed": 1, "sent": 1}, 3)


def test_what_was_in_flight_of_a_daemon_that_is_gone_is_unknown_when_its_lease_is_over(
    database, user_id, clock, tmp_path
):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, NOW, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    in_states(database, "submitting", until=clock.now() + timedelta(seconds=20))
    moved = lifecycle.pause(database, user_id, name="spring", clock=clock)

    ended = landed(
        database, user_id, moved.in_flight, clock=clock, sleep=lambda _: clock.advance(timedelta(seconds=10))
    )

    assert counted(ended) == {"unknown": 1}


def test_the_wait_for_what_is_in_flight_ends(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, NOW, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    in_states(database, "submitting", until=clock.now() + timedelta(days=1))
    moved = lifecycle.pause(database, user_id, name="spring", clock=clock)
    slept = []

    ended = landed(database, user_id, moved.in_flight, clock=clock, sleep=slept.append, seconds=1)

    assert (counted(ended), sum(slept)) == ({"submitting": 1}, 1)


def test_of_two_who_cancel_at_once_one_is_told_that_it_is_done(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "running")
    done = []

    def cancel() -> None:
        try:
            done.append(lifecycle.cancel(database, user_id, name="spring", clock=clock).after)
        except StateError as error:
            done.append(str(error))

    threads = [Thread(target=cancel) for _ in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    refusal = 'campaign "spring" is cancelled (cancelled by hand); only a draft, scheduled, running or paused'
    assert sorted(done) == sorted(["cancelled", refusal + " campaign can be cancelled"])


def test_a_revision_is_written_over_the_one_that_was_looked_at_and_no_other(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "scheduled")
    with database.transaction() as connection:
        seen = find_campaign(connection, user_id, name="spring")
    scheduling.schedule(database, tenant_of(database), name="spring", at="2026-03-16 10:00", clock=clock)
    definition = CampaignDefinition.from_payload(seen["definition"])
    author = Author("command", "hanako", clock.now())

    with pytest.raises(StateError, match="changed by somebody else"), database.transaction() as connection:
        revise_campaign(
            connection, tenant_of(database), seen, definition=definition, occurs_at=clock.now(), author=author
        )


def test_a_deleted_campaign_frees_its_name_and_keeps_its_rows(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "cancelled")

    lifecycle.delete(database, user_id, name="spring", clock=clock)
    apply_text(database, tmp_path, DRAFT, clock=clock)

    assert len(rows(database, "campaign_recipients")) == 3
    assert [row["status"] for row in list_campaigns(database, user_id)] == ["draft"]
    with database.transaction() as connection:
        assert find_campaign(connection, user_id, name="spring")["status"] == "draft"


def test_campaigns_are_listed_by_page_state_and_type(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 2)
    text = "campaigns:\n" + "".join(
        f"  c{number}: {{message: a, segment: all, type: {kind}, schedule: {when}}}\n"
        for number, kind, when in ((1, "blast", "now"), (2, "promotional", '"2026-03-16 10:00"'), (3, "blast", "now"))
    )
    apply_text(database, tmp_path, text, clock=clock)
    launch_due(database, clock=clock, prices=prices)

    first = list_campaigns(database, user_id, limit=2)
    second = list_campaigns(database, user_id, limit=2, page=2)

    assert [row["name"] for row in (*first, *second)] == ["c3", "c2", "c1"]
    assert (first[0]["total"], first[0]["recipients"]) == (3, {"pending": 2})
    assert [row["name"] for row in list_campaigns(database, user_id, status="scheduled")] == ["c2"]
    assert [row["name"] for row in list_campaigns(database, user_id, type_="blast")] == ["c3", "c1"]


def test_recipients_are_listed_by_state(database, user_id, clock, tmp_path):
    bring_to(database, user_id, clock, tmp_path, "running")
    in_states(database, "sent", "pending", "unknown")

    chosen = list(list_recipients(database, user_id, name="spring", statuses=["sent", "unknown"]))
    one = list(list_recipients(database, user_id, name="spring", limit=1))

    assert sorted(each["status"] for each in chosen) == ["sent", "unknown"]
    assert len(one) == 1

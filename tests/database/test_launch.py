from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from support.salon import add_customer, add_customers, apply_text, only, prices, rows

from lumiere_sms.campaigns import lifecycle
from lumiere_sms.campaigns.completion import complete, complete_finished
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.database.connection import Database
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import ConfigurationError, StateError

BLAST = """
templates:
  greeting:
    content: "{{ last_name | default('お客') }}様、いつもありがとうございます。"
campaigns:
  thanks: {template: greeting, segment: all, schedule: now}
"""


def test_each_customer_becomes_a_recipient_with_text_parts_and_send_time(database, user_id, clock, tmp_path):
    person = add_customer(database, user_id, "+819012345678", last_name="田中")
    apply_text(database, tmp_path, BLAST, clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=prices)

    found = only(database, "campaign_recipients")
    assert (launched.matched, launched.kept, launched.parts, launched.currency) == (1, 1, 1, "USD")
    assert (found["customer_id"], found["phone_number"], found["timezone"]) == (person, "+819012345678", "Asia/Tokyo")
    assert found["personalized_content"] == "田中様、いつもありがとうございます。"
    assert (found["encoding"], found["segments_used"], found["status"]) == ("ucs2", 1, "pending")
    assert found["send_after"] == clock.now()
    assert found["expires_at"] == datetime(2026, 3, 15, 12, tzinfo=UTC), "quiet hours begin at 21:00 in Tokyo"


def test_the_occurrence_is_pinned_and_both_it_and_the_campaign_run(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 3)
    apply_text(database, tmp_path, BLAST, clock=clock)

    launch_due(database, clock=clock, prices=prices)

    occurrence, campaign = only(database, "campaign_occurrences"), only(database, "sms_campaigns")
    assert (occurrence["status"], campaign["status"]) == ("running", "running")
    pinned = CampaignDefinition.from_payload(campaign["definition"]).under(TenantRules())
    assert (occurrence["revision"], occurrence["definition"]) == (1, pinned.payload())
    assert occurrence["template_id"] == only(database, "sms_templates")["id"]
    assert (occurrence["audience_size"], occurrence["launched_at"]) == (3, clock.now())
    assert (campaign["started_at"], campaign["estimated_recipients"]) == (clock.now(), 3)
    assert campaign["cost_estimate"] == occurrence["cost_estimate"] == 3 * prices("JP").amount
    assert campaign["currency"] == "USD"


def test_a_customer_is_left_out_for_the_reason_that_is_counted(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", last_name="田中", attributes={"point": "50"})
    add_customer(database, user_id, "+819000000002", attributes={"point": "5"})
    add_customer(database, user_id, "+819000000003", last_name="佐藤")
    add_customer(database, user_id, "+819000000004", last_name="あ" * 2000, attributes={"point": "5"})
    add_customer(database, user_id, "+819000000005", last_name="鈴木", attributes={"point": "many"})
    add_customer(database, user_id, "+819000000006", last_name="高橋", attributes={"point": "1"}, timezone="Asia/Osaka")
    add_customer(database, user_id, None, last_name="伊藤")
    text = """
campaigns:
  points: {message: "{{ last_name | sama }} {{ point | yen }}", segment: all, schedule: now}
"""
    apply_text(database, tmp_path, text, clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=prices)

    assert (launched.matched, launched.kept) == (7, 1)
    assert launched.exclusions == {
        "missing_value:last_name": 1,
        "missing_value:point": 1,
        "too_long": 1,
        "unrenderable": 1,
        "bad_timezone": 1,
        "no_phone": 1,
    }
    assert only(database, "campaign_occurrences")["exclusions"] == launched.exclusions
    assert only(database, "campaign_recipients")["personalized_content"] == "田中様 ¥50"


def test_whoever_has_no_open_time_before_expiry_is_left_out(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", timezone="America/New_York")
    add_customer(database, user_id, "+819000000002")
    text = """
campaigns:
  flash: {message: "now", segment: all, schedule: now, expires_after: 2h}
"""
    apply_text(database, tmp_path, text, clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=prices)

    assert launched.exclusions == {"no_window": 1}
    assert only(database, "campaign_recipients")["expires_at"] == clock.now() + timedelta(hours=2)


def test_times_are_told_by_the_recipients_own_clock(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", timezone="America/New_York")  # 21:00 there
    add_customer(database, user_id, "+819000000002")
    apply_text(database, tmp_path, BLAST, clock=clock)

    launch_due(database, clock=clock, prices=prices)

    times = {row["timezone"]: row["send_after"] for row in rows(database, "campaign_recipients")}
    assert times == {"Asia/Tokyo": clock.now(), "America/New_York": datetime(2026, 3, 15, 12, tzinfo=UTC)}


def test_a_phone_that_people_share_gets_one_text(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", last_name="母", last_visit_date=date(2026, 3, 1))
    add_customer(database, user_id, "+819000000001", last_name="娘", last_visit_date=date(2026, 3, 2))
    apply_text(database, tmp_path, BLAST, clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=prices)

    assert (launched.kept, launched.exclusions) == (1, {"shared_phone": 1})
    assert only(database, "campaign_recipients")["personalized_content"].startswith("娘様")


def test_variables_of_the_campaign_and_the_tenants_name_are_said(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", next_appointment_at=datetime(2026, 3, 20, 1, tzinfo=UTC))
    text = """
campaigns:
  hours:
    message: "{{ sender_name }}: {{ offer }} {{ next_appointment_at | jdate }}"
    segment: all
    variables: {offer: 20%}
    schedule: now
"""
    apply_text(database, tmp_path, text, clock=clock)

    launch_due(database, clock=clock, prices=prices)

    assert only(database, "campaign_recipients")["personalized_content"] == "My business: 20% 3月20日(金)"


def test_people_of_equal_names_get_their_own_rows_and_unequal_ones_their_own_texts(database, user_id, clock, tmp_path):
    for number, name in enumerate(["田中", "佐藤", "田中"]):
        add_customer(database, user_id, f"+81900000000{number}", last_name=name, tags=["vip"])
    apply_text(database, tmp_path, BLAST, clock=clock)

    launch_due(database, clock=clock, prices=prices)

    texts = [row["personalized_content"][:2] for row in rows(database, "campaign_recipients", order="phone_number")]
    assert texts == ["田中", "佐藤", "田中"]


def test_a_campaign_is_launched_at_its_time_and_once(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 2)
    text = BLAST.replace("schedule: now", 'schedule: "2026-03-15 12:00"')
    apply_text(database, tmp_path, text, clock=clock)

    early = launch_due(database, clock=clock, prices=prices)
    clock.advance(timedelta(hours=2))
    due = launch_due(database, clock=clock, prices=prices)
    again = launch_due(database, clock=clock, prices=prices)

    assert (early, len(due), again) == ([], 1, [])
    assert len(rows(database, "campaign_recipients")) == 2


def test_urgent_campaigns_are_launched_before_older_ones(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    text = """
campaigns:
  slow: {message: a, segment: all, schedule: "2026-03-15 10:30"}
  fast: {message: b, segment: all, schedule: "2026-03-15 11:00", priority: urgent}
"""
    apply_text(database, tmp_path, text, clock=clock)
    clock.advance(timedelta(hours=2))

    launched = launch_due(database, clock=clock, prices=prices)

    assert [each.campaign for each in launched] == ["fast", "slow"]


def test_a_paused_campaign_is_not_launched_until_it_is_resumed(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 2)
    apply_text(database, tmp_path, BLAST, clock=clock)
    lifecycle.pause(database, user_id, name="thanks", clock=clock)

    paused = launch_due(database, clock=clock, prices=prices)
    lifecycle.resume(database, user_id, name="thanks", clock=clock)
    resumed = launch_due(database, clock=clock, prices=prices)

    assert (paused, [each.kept for each in resumed]) == ([], [2])


def test_two_daemons_launch_an_occurrence_once(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 30_000)
    apply_text(database, tmp_path, BLAST, clock=clock)
    launched = []
    daemons = [Thread(target=lambda: launched.extend(launch_due(database, clock=clock, prices=prices))) for _ in "12"]

    for daemon in daemons:
        daemon.start()
    for daemon in daemons:
        daemon.join()

    assert [each.kept for each in launched] == [30_000]
    assert len(rows(database, "campaign_recipients")) == 30_000


def test_an_occurrence_that_another_daemon_holds_is_left_to_it(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)

    with database.transaction() as other:
        other.execute("SELECT id FROM campaign_occurrences FOR UPDATE")
        launched = launch_due(database, clock=clock, prices=prices)

    assert launched == []


def test_a_launch_that_breaks_off_leaves_nothing_and_is_done_again(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 25_000)
    apply_text(database, tmp_path, BLAST, clock=clock)

    def die(seen: int) -> None:
        if seen > 15_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch_due(database, clock=clock, prices=prices, progress=die)

    assert rows(database, "campaign_recipients") == []
    assert only(database, "campaign_occurrences")["status"] == "scheduled"
    assert launch_due(database, clock=clock, prices=prices)[0].kept == 25_000


def test_progress_is_told_batch_by_batch(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 25_000)
    apply_text(database, tmp_path, BLAST, clock=clock)
    seen = []

    launch_due(database, clock=clock, prices=prices, progress=seen.append)

    assert seen == [10_000, 20_000, 25_000]


def test_an_occurrence_that_nobody_gets_a_text_of_is_completed_at_once(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, BLAST, clock=clock)

    (launched,) = launch_due(database, clock=clock, prices=prices)

    assert (launched.kept, launched.cost_estimate, launched.currency) == (0, Decimal(0), "")
    assert only(database, "campaign_occurrences")["status"] == "completed"
    assert only(database, "sms_campaigns")["status"] == "completed"


def test_a_campaign_that_cannot_be_launched_is_paused_with_an_alert_and_others_go_on(
    database, user_id, clock, tmp_path
):
    add_customers(database, user_id, 1)
    both = BLAST + "  news: {message: hello, segment: all, schedule: now}\n"
    apply_text(database, tmp_path, both, clock=clock)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_templates SET is_active = false")

    launched = {each.campaign: each for each in launch_due(database, clock=clock, prices=prices)}

    assert launched["news"].kept == 1
    assert launched["thanks"].problem == 'template "greeting" is not active'
    paused = next(row for row in rows(database, "sms_campaigns") if row["name"] == "thanks")
    assert (paused["status"], paused["status_by"]) == ("paused", "rule")
    assert paused["status_reason"] == 'cannot be launched: template "greeting" is not active'
    assert only(database, "alerts")["subject"] == "thanks"


def test_a_fault_of_the_settings_is_no_fault_of_the_campaign(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)

    def unknown(_country: str) -> None:
        raise ConfigurationError("no prices")

    with pytest.raises(ConfigurationError):
        launch_due(database, clock=clock, prices=unknown)

    assert only(database, "sms_campaigns")["status"] == "scheduled"


def test_a_template_changed_before_the_launch_is_what_is_sent(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    text = BLAST.replace("schedule: now", 'schedule: "2026-03-15 12:00"')
    apply_text(database, tmp_path, text, clock=clock)
    apply_text(database, tmp_path, text.replace("いつも", "本日も"), clock=clock)
    clock.advance(timedelta(hours=2))

    launch_due(database, clock=clock, prices=prices)

    versions = {row["version"]: row["id"] for row in rows(database, "sms_templates")}
    assert only(database, "campaign_recipients")["personalized_content"].startswith("田中様、本日も")
    assert only(database, "campaign_occurrences")["template_id"] == versions[2]


def finish(database, status: str) -> None:
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = %(status)s, claimed_until = CASE WHEN %(leased)s THEN now() END,"
            " claimed_by = CASE WHEN %(leased)s THEN gen_random_uuid() END",
            {"status": status, "leased": status in {"claimed", "submitting"}},
        )


@pytest.mark.parametrize("status", ["pending", "claimed", "submitting", "unknown"])
def test_a_campaign_with_a_live_recipient_is_not_completed(database, user_id, clock, tmp_path, status):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    finish(database, status)

    completed = complete_finished(database, now=clock.now())

    assert completed == []
    assert only(database, "sms_campaigns")["status"] == "running"


@pytest.mark.parametrize("status", ["failed", "suppressed", "expired", "cancelled"])
def test_a_campaign_without_live_recipients_is_completed(database, user_id, clock, tmp_path, status):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    finish(database, status)

    completed = complete_finished(database, now=clock.now())

    assert completed == ["thanks"]
    assert only(database, "sms_campaigns")["completed_at"] == clock.now()
    assert only(database, "campaign_occurrences")["completed_at"] == clock.now()


def test_an_occurrence_that_came_alive_again_meanwhile_is_not_completed(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    occurrence_id = only(database, "campaign_occurrences")["id"]

    with database.transaction() as connection:
        completed = complete(connection, user_id, occurrence_id=occurrence_id, now=clock.now())

    assert completed is None
    assert only(database, "campaign_occurrences")["status"] == "running"


def test_a_campaign_that_failed_to_launch_and_was_cancelled_meanwhile_stays_cancelled(
    database, database_url, user_id, clock, tmp_path
):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)

    other = Database(database_url)
    cancelling = Thread(target=lambda: lifecycle.cancel(other, user_id, name="thanks", clock=clock))

    def cancel_then_fail(_country: str) -> None:
        cancelling.start()  # it waits for the launch, which holds the campaign
        raise StateError("something is gone")

    launch_due(database, clock=clock, prices=cancel_then_fail)
    cancelling.join()
    other.close()

    assert only(database, "sms_campaigns")["status"] == "cancelled"


def test_a_paused_campaign_whose_texts_are_all_gone_waits_for_its_person(database, user_id, clock, tmp_path):
    add_customers(database, user_id, 1)
    apply_text(database, tmp_path, BLAST, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    lifecycle.pause(database, user_id, name="thanks", clock=clock)
    finish(database, "failed")

    completed = complete_finished(database, now=clock.now())
    resumed = lifecycle.resume(database, user_id, name="thanks", clock=clock)

    assert (completed, only(database, "campaign_occurrences")["status"]) == ([], "completed")
    assert (resumed.after, only(database, "sms_campaigns")["status"]) == ("completed", "completed")

from datetime import timedelta

import pytest
from support.salon import add_customer, apply_text, only, prices, rows

from lumiere_sms.campaigns.days import lease_day, turn_page
from lumiere_sms.campaigns.due import do_what_is_due
from lumiere_sms.campaigns.launch import launch_due

DRIP = """
campaigns:
  welcome: {type: drip, segment: all, schedule: now, steps: [{message: "{{ last_name | sama }}"}]}
"""


@pytest.fixture
def day(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", last_name="田中")
    apply_text(database, tmp_path, DRIP, clock=clock)
    launch_due(database, clock=clock, prices=prices)
    return next(row for row in rows(database, "campaign_occurrences") if row["status"] == "running")


def test_a_day_lasts_until_midnight_and_the_next_one_is_written_with_it(database, clock, day):
    (today, tomorrow) = rows(database, "campaign_occurrences", order="occurs_at")

    assert (today["status"], today["open_until"]) == ("running", tomorrow["occurs_at"])
    assert (tomorrow["status"], tomorrow["occurs_at"]) == ("scheduled", clock.now() + timedelta(hours=14))
    assert only(database, "sms_campaigns")["started_at"] == clock.now()


def test_a_look_is_one_daemons_until_it_is_due_again(database, user_id, clock, day):
    def lease() -> bool:
        with database.transaction() as connection:
            every = timedelta(minutes=1)
            return lease_day(connection, user_id, occurrence_id=day["id"], every=every, now=clock.now())

    taken = [lease(), lease()]
    clock.advance(timedelta(minutes=1))

    assert [*taken, lease()] == [True, False, True]


def test_what_a_turn_wrote_is_said_as_one(database, clock, day):
    (launched,) = do_what_is_due(database, clock=clock, prices=prices)

    assert (launched.campaign, launched.matched, launched.kept, launched.parts) == ("welcome", 1, 1, 1)
    assert launched.cost_estimate == only(database, "campaign_occurrences WHERE status = 'running'")["cost_estimate"]


def test_the_page_of_a_campaign_that_somebody_holds_is_turned_later(database, user_id, clock, day):
    with database.transaction() as holder, database.transaction() as other:
        holder.execute("SELECT id FROM sms_campaigns FOR UPDATE")
        turn_page(other, user_id, campaign_id=day["campaign_id"], now=clock.now())

    assert only(database, "campaign_occurrences WHERE status = 'running'")["open_until"] == day["open_until"]


def test_an_edit_at_the_very_instant_of_the_start_opens_the_next_day_behind_it(database, user_id, clock, tmp_path, day):
    apply_text(database, tmp_path, DRIP.replace("sama", "sama }}!{{ last_name"), clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    clock.advance(timedelta(seconds=1))
    do_what_is_due(database, clock=clock, prices=prices)

    runs = rows(database, "campaign_occurrences", order="occurs_at")
    assert [(run["status"], run["revision"]) for run in runs] == [("running", 1), ("running", 2), ("scheduled", None)]
    assert runs[0]["open_until"] < runs[1]["occurs_at"] < clock.now()
    assert len(rows(database, "campaign_recipients")) == 1


def test_a_customer_whose_data_cannot_be_written_pauses_the_campaign_with_the_reason(database, clock, day):
    with database.transaction() as connection:
        connection.execute("ALTER TABLE campaign_recipients ADD CHECK (personalized_content <> '田中様')")

    (launched,) = do_what_is_due(database, clock=clock, prices=prices)

    assert "a customer's data cannot be used" in launched.problem
    assert only(database, "sms_campaigns")["status"] == "paused"
    assert only(database, "enrolments")["steps_done"] == 0, "nothing is kept of what failed"

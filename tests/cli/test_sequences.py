import json
from datetime import timedelta

import pytest
from support.salon import add_customer, apply_text, prices
from support.standing import change

from lumiere_sms.campaigns.due import do_what_is_due

BOTH = """
templates: {tips: {content: "Tips"}}
campaigns:
  welcome:
    type: drip
    segment: all
    schedule: now
    steps:
      - {name: thanks, message: "Thank you"}
      - {after: 3d, template: tips, window: 10:00-12:00, unless: [replied, visited]}
  tomorrow: {type: reminder, segment: all, schedule: now, remind: "1 day before, 18:00-19:00", message: "See you"}
"""


@pytest.fixture
def command(command, monkeypatch):
    monkeypatch.setenv("LUMIERE_SMS_PROVIDER", "twilio")

    def run(*arguments):
        code, out, err = command(*arguments)
        assert code == 0, err
        return out

    return run


@pytest.fixture
def running(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819012345678", next_appointment_at=clock.now() + timedelta(days=1))
    left = add_customer(database, user_id, "+819012345679")
    apply_text(database, tmp_path, BOTH, clock=clock)
    do_what_is_due(database, clock=clock, prices=prices)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE campaign_recipients SET status = 'delivered', provider_message_id = id::text, sent_at = send_after"
            " WHERE step = '1'"
        )
    change(database, left, allow_promotional=False)
    clock.advance(timedelta(days=3))
    do_what_is_due(database, clock=clock, prices=prices)


def test_a_sequence_is_shown_step_by_step_with_when_each_goes(command, running):
    shown = command("campaign", "show", "welcome")

    assert "1. thanks, when they enter: Thank you\n" in shown
    assert "2. 3d after the one before, 10:00-12:00, unless replied or visited: template tips\n" in shown


def test_its_report_has_a_line_for_each_step(command, running):
    lines = command("campaign", "report", "welcome").splitlines()

    facts = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in lines if "  " in line}
    assert (facts["in it now"], facts["finished"], facts["left"]) == ("0", "1", "no_consent 1")
    table = [line.split() for line in lines]
    assert ["thanks", "0", "0", "2", "2"] in table
    assert ["2", "0", "1", "0", "0"] in table


def test_the_report_as_json_has_the_sequence_and_none_where_there_is_none(command, running):
    welcome = json.loads(command("campaign", "report", "welcome", "--json"))
    tomorrow = json.loads(command("campaign", "report", "tomorrow", "--json"))

    assert [step["name"] for step in welcome["sequence"]["steps"]] == ["thanks", "2"]
    assert tomorrow["sequence"] is None


def test_recipients_of_a_sequence_are_listed_with_their_step_and_reminders_without(command, running):
    welcome = command("campaign", "recipients", "welcome").splitlines()
    tomorrow = command("campaign", "recipients", "tomorrow")

    assert welcome[0].split()[:3] == ["phone", "step", "status"]
    assert sorted(line.split()[1] for line in welcome[2:]) == ["1", "1", "2"]
    assert "step" not in tomorrow


def test_a_reminder_says_when_it_reminds(command, running):
    assert "reminds     1d before the appointment, 18:00-19:00\n" in command("campaign", "show", "tomorrow")


def test_a_plan_of_days_counts_texts_and_not_a_person_for_each_step(command, database, user_id, tmp_path):
    add_customer(database, user_id, "+819012345678")
    (tmp_path / "campaigns.yaml").write_text(BOTH)

    said = command("plan", "campaigns.yaml")

    assert "  who   2 texts in the next 7 days\n" in said
    assert "matched" not in said

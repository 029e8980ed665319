import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from support.salon import add_customer

from lumiere_sms.cli.simulate_views import calendar_text, diff_text
from lumiere_sms.simulation.calendar import Calendar, Collision, Day, Entry, Notice, Untexted
from lumiere_sms.simulation.differences import compare

TEXT = """
campaigns:
  spring: {type: blast, message: "Spring", segment: all, schedule: "2031-04-01 13:00"}
"""


def entry(campaign, day, hours, *, texts, cost="8.42", who="a"):
    first, last = (datetime(2031, 4, day, hour - 9, minute, tzinfo=UTC) for hour, minute in hours)
    return Entry(campaign, first, last, texts, texts, Decimal(cost), "USD", who)


@pytest.fixture
def calendar():
    tuesday = Day(
        date(2031, 4, 1),
        ["spring", "reminders"],
        [
            entry("春のキャンペーンのご案内", 1, [(10, 0), (13, 28)], texts=12_000, cost="1010.40"),
            entry("reminders", 1, [(18, 0), (18, 0)], texts=100),
        ],
        [Collision(("reminders", "春のキャンペーンのご案内"), 37), Collision(("reminders", "reminders"), 1)],
        [
            Untexted("春のキャンペーンのご案内", "", "no_consent", 812),
            Untexted("春のキャンペーンのご案内", "", "frequency_cap", 64),
            Untexted("春のキャンペーンのご案内", "expired", "window_ended", 1_250),
        ],
        [Notice(datetime(2031, 4, 1, 4, tzinfo=UTC), "campaign_paused", "dear", "its budget of 1.00 USD is spent")],
    )
    standing = Day(date(2031, 4, 2), ["reminders"])
    last = Day(
        date(2031, 4, 20),
        ["late"],
        [entry("late", 20, [(20, 30), (20, 55)], texts=1)],
        [],
        [Untexted("late", "pending", "", 65)],
    )
    begins, until = datetime(2031, 3, 31, 15, tzinfo=UTC), datetime(2031, 4, 20, 15, tzinfo=UTC)
    return Calendar(begins, until, "Asia/Tokyo", (tuesday, standing, last), ("dear",))


@pytest.fixture
def other():
    days = (
        Day(date(2031, 4, 1), [], [entry("reminders", 1, [(18, 0), (18, 0)], texts=90, cost="7.58", who="b")]),
        Day(date(2031, 4, 20), [], [entry("late", 20, [(20, 30), (20, 55)], texts=1, who="c")]),
        Day(date(2031, 4, 21), [], [entry("new", 21, [(10, 0), (10, 5)], texts=5)]),
    )
    return Calendar(datetime(2031, 3, 31, 15, tzinfo=UTC), datetime(2031, 4, 20, 15, tzinfo=UTC), "Asia/Tokyo", days)


@pytest.mark.parametrize("width", [80, 120])
def test_a_calendar_reads_the_same_as_before(calendar, golden, width):
    text = calendar_text(calendar, width=width)

    golden(f"simulate_{width}.txt", text + "\n")


def test_a_difference_reads_the_same_as_before(calendar, other, golden):
    calendars = [calendar, other]

    golden("simulate_diff.txt", diff_text(calendars, compare(calendar, other)) + "\n")


def test_a_time_in_which_nothing_goes_is_told_in_a_word(calendar):
    empty = Calendar(calendar.begins, calendar.until, calendar.timezone, ())

    assert calendar_text(empty, width=80).splitlines()[1:] == ["nothing would go"]
    assert "no difference, 0 texts either way" in diff_text([empty, empty], ())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--from", "2026-01-01"], 5, "is over", id="a past that is no more"),
        pytest.param(["--until", "tomorrow"], 2, '"tomorrow" is no day', id="no date"),
        pytest.param(["--until", "2999-01-01"], 5, "more than a year", id="too long"),
        pytest.param(["gone.yaml"], 3, "gone.yaml", id="no file"),
        pytest.param(["--exit-codes"], 2, "--exit-code", id="a typo"),
        pytest.param(["--exit-code"], 2, "it goes with --diff", id="nothing to differ from"),
    ],
)
def test_bad_input_is_told(command, arguments, code, said):
    ended, _, err = command("simulate", *arguments)

    assert ended == code
    assert said in err


def test_the_command_prints_calendars_and_differences_for_people_and_machines(command, database, user_id, tmp_path):
    add_customer(database, user_id, "+819010000001")
    (tmp_path / "campaigns.yaml").write_text(TEXT.replace("2031-04-01 13:00", "now"))

    shown = command("simulate", "campaigns.yaml", "--until", "2099-01-01")
    code, out, _ = command("simulate", "--diff", "campaigns.yaml", "--exit-code", "--json")
    same = command("simulate", "campaigns.yaml", "--diff", "campaigns.yaml", "--exit-code")

    assert shown[0] == 5
    found = json.loads(out)
    assert code == 10
    assert [each["campaign"] for each in found["differences"]] == ["spring"]
    assert (found["before"]["texts"], found["after"]["texts"]) == (0, 1)
    assert same[0] == 0
    assert "no difference" in same[1]

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb
from support.runs import run_to_its_end
from support.salon import add_customer, apply_text, define, tenant_of

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.runtime import Runtime
from lumiere_sms.settings import Settings
from lumiere_sms.simulation.wiring import Wiring

TICK = timedelta(seconds=30)
END = datetime(2026, 3, 31, tzinfo=UTC)
TEXT = """
defaults: {send_rate_per_minute: 60000}
campaigns:
  weekly:
    message: "News, {{ last_name }}"
    segment: all
    schedule: {at: "2026-03-16 10:00", repeat: {type: weekly, days_of_week: [1], count: 2}}
  wordings:
    segment: all
    schedule: "2026-03-17 10:00"
    variants: {A: {weight: 50, message: "Hi {{ last_name }}"}, B: {weight: 50, message: "It’s us, {{ last_name }}"}}
    holdout: 20%
  careful: {message: Hello, segment: all, schedule: "2026-03-18 10:00", canary: {size: 10, wait: 1h}}
  trial:
    segment: all
    schedule: "2026-03-19 10:00"
    canary: {size: 5, wait: 30m}
    variants: {A: {weight: 30, message: "Hi"}, B: {weight: 30, message: "Good day"}}
    winner: {metric: replies, after: 2h, min: 1, if_undecided: A}
  learned: {message: Hello, segment: all, schedule: "2026-03-20 09:00", best_time: learned}
  offer:
    type: promotional
    message: "20% off"
    segment: all
    schedule: "2026-03-24 09:00"
"""
FIRST = 'campaigns: {first: {type: promotional, message: "10% off", segment: few, schedule: "2026-03-15 19:00"}}\n'
FEW = "segments: {few: {filters: {visit_count: {min: 30}}}}\n"


@pytest.fixture
def runtime(database_url, database, user_id, tmp_path):
    for number in range(40):
        columns = {"last_name": "田中" if number % 8 else None, "visit_count": number}
        add_customer(database, user_id, f"+8190{10_000_000 + number}", **columns)
    made = Runtime(Settings(tmp_path, database_url, twilio_from="+15005550006", parts_per_second=1000))
    yield made
    made.close()


@pytest.fixture
def habits(database, user_id):
    with database.transaction() as connection:
        for number in range(40):
            at = datetime(2026, 3, 1 + number % 10, 3 if number < 6 else 9, 30, tzinfo=UTC)  # 12:30 and 18:30 there
            who = f"+8190{10_000_000 + number % 2 if number < 6 else 10_000_000 + number}"
            connection.execute(
                "INSERT INTO responses (user_id, id, kind, phone_number, at) VALUES (%s, %s, 'reply', %s, %s)",
                [user_id, new_id(), who, at],
            )


@pytest.fixture
def capped(database, user_id):
    rules = {"frequency_caps": {"promotional": {"most": 1, "within": "10d"}}}
    with database.transaction() as connection:
        connection.execute("UPDATE users SET rules = %s WHERE id = %s", [Jsonb(rules), user_id])


def written(database, name):
    with database.transaction() as connection:
        return connection.execute(
            "SELECT recipient.*, occurrence.occurs_at FROM campaign_recipients AS recipient"
            " JOIN campaign_occurrences AS occurrence ON occurrence.id = recipient.occurrence_id"
            " JOIN sms_campaigns AS campaign ON campaign.id = recipient.campaign_id WHERE campaign.name = %s",
            [name],
        ).fetchall()


def by_slot(campaign, found):
    sent = [row["sent_at"] for row in found if row["status"] == "sent"]
    return [sum(slot.starts_at <= at < slot.ends_at for at in sent) for slot in campaign.slots]


def test_a_run_of_each_kind_is_the_one_that_was_planned(database, user_id, runtime, clock, tmp_path, habits, capped):
    wiring = Wiring.of(runtime)
    apply_text(database, tmp_path, FEW + FIRST, clock=clock, prices=runtime.way_prices)
    run_to_its_end(database, user_id, clock=clock, wiring=wiring, tick=TICK, until=END)
    definitions = define(tmp_path, TEXT)
    plan = make_plan(database, tenant_of(database), definitions, clock=clock, prices=runtime.way_prices)
    apply_text(database, tmp_path, TEXT, clock=clock, prices=runtime.way_prices)
    run_to_its_end(database, user_id, clock=clock, wiring=wiring, tick=TICK, until=END)

    planned = {campaign.name: campaign for campaign in plan.campaigns}
    runs = {name: written(database, name) for name in planned}
    weekly = runs["weekly"]
    assert planned["weekly"].coming == tuple(sorted({row["occurs_at"] for row in weekly}))
    runs["weekly"] = [row for row in weekly if row["occurs_at"] == planned["weekly"].coming[0]]
    assert len(weekly) == 2 * len(runs["weekly"])
    for name, campaign in planned.items():
        texts = [row for row in runs[name] if row["status"] == "sent"]
        assert (name, campaign.kept, campaign.expiring) == (name, len(texts), 0)
        assert (name, [slot.texts for slot in campaign.slots]) == (name, by_slot(campaign, texts))
        assert campaign.parts == Counter(row["segments_used"] for row in texts)
        assert campaign.cost == runtime.way_prices("JP").amount * sum(row["segments_used"] for row in texts)
        assert campaign.dearest.text in {row["personalized_content"] for row in texts} or name == "trial"
    assert planned["wordings"].exclusions == {"missing_value:last_name": 5, "holdout": 35 - planned["wordings"].kept}
    assert planned["wordings"].variants == Counter(
        row["variant"] for row in runs["wordings"] if row["status"] == "sent"
    )
    assert [slot.texts for slot in planned["careful"].slots] == [10, 30]
    assert planned["learned"].timing == {"best_time_own": 2, "best_time_of_all": 38}
    assert planned["offer"].timing == {"frequency_cap": 10}
    assert days_of(runs["offer"]) == {date(2026, 3, 24): 30, date(2026, 3, 25): 10}


def days_of(found):
    return Counter(row["sent_at"].astimezone(ZoneInfo("Asia/Tokyo")).date() for row in found)


def test_who_cannot_get_the_wording_that_is_theirs_is_planned_as_one_who_may_get_the_winner(
    database, user_id, runtime, clock, tmp_path
):
    text = """
    campaigns:
      trial:
        segment: all
        schedule: "2026-03-19 10:00"
        send_rate_per_minute: 60000
        variants:
          by_name: {weight: 50, message: "{{ last_name }}, 20% off"}
          to_all: {weight: 30, message: "20% off"}
        winner: {metric: replies, after: 2h, min: 1, if_undecided: to_all}
    """
    (planned,) = make_plan(
        database, tenant_of(database), define(tmp_path, text), clock=clock, prices=runtime.way_prices
    ).campaigns
    apply_text(database, tmp_path, text, clock=clock, prices=runtime.way_prices)

    run_to_its_end(database, user_id, clock=clock, wiring=Wiring.of(runtime), tick=TICK, until=END)

    run = written(database, "trial")
    decided = timedelta(hours=2)
    waited = Counter(row["variant"] if row["sent_at"] < row["occurs_at"] + decided else "" for row in run)
    assert (planned.kept, planned.exclusions) == (len(run), {}) == (40, {})
    assert planned.variants == waited
    assert planned.cost >= runtime.way_prices("JP").amount * sum(row["segments_used"] for row in run)

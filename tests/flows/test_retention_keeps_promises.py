"""What is kept no longer must not make anybody get a text twice: the rows that say what was sent stay."""

from datetime import timedelta

import pytest
from support.salon import add_customer, apply_text, rows

from lumiere_sms.campaigns.retention_options import read_retention
from lumiere_sms.campaigns.tenant_rules import change_rules
from lumiere_sms.privacy.retention import apply_retention

NUMBER = "+819012345678"
DRIP = """
campaigns:
  welcome:
    type: drip
    segment: all
    schedule: now
    enrol: {again_after: 365d}
    steps: [{name: thanks, message: "ありがとう 配信停止はご返信を"}]
"""
SPRING = """
campaigns:
  %s: {type: promotional, segment: all, schedule: now, message: "春です 配信停止はご返信を"}
"""
MERGED = """
templates:
  t: {content: "{{ names | default('you') }} 配信停止はご返信を", category: promotional}
campaigns:
  spring: {type: promotional, template: t, segment: all, schedule: now, shared_phones: merge}
"""


@pytest.fixture
def shortest(database, clock):
    """Keep everything for as short as may be, and promotional texts to one in a hundred days."""
    rules = {
        "retention": read_retention(["texts=31d", "answers=31d", "events=31d"]),
        "frequency_caps": {"promotional": {"most": 1, "within": "100d", "then": "exclude"}},
    }
    change_rules(database, "default", rules, by="operator", now=clock.now())


@pytest.mark.usefixtures("shortest")
def test_who_had_a_text_within_a_cap_gets_no_other_though_its_words_are_gone(database, user_id, clock, tmp_path, life):
    add_customer(database, user_id, NUMBER)
    apply_text(database, tmp_path, SPRING % "spring", clock=clock)
    first = life()
    clock.advance(timedelta(days=40))
    gone = apply_retention(database, clock=clock)

    apply_text(database, tmp_path, SPRING % "summer", clock=clock)

    assert (len(first), gone["texts"]) == (1, 1)
    assert life() == []


@pytest.mark.usefixtures("shortest")
def test_who_went_through_a_sequence_does_not_enter_it_again_before_their_time(
    database, user_id, clock, tmp_path, life
):
    add_customer(database, user_id, NUMBER)
    apply_text(database, tmp_path, DRIP, clock=clock)
    first = life()
    life(days=1)
    clock.advance(timedelta(days=60))
    gone = apply_retention(database, clock=clock)

    again = life()

    assert (len(first), gone["texts"], again) == (1, 1, [])
    assert len(rows(database, "enrolments")) == 1


def test_a_text_that_waits_for_all_who_share_a_phone_is_not_lost_because_one_of_them_was_silent(
    database, user_id, clock, tmp_path, life
):
    add_customer(database, user_id, NUMBER, last_name="詩織", last_visit_date=clock.now().date() + timedelta(days=30))
    add_customer(database, user_id, NUMBER, last_name="杏奈", created_at=clock.now(), updated_at=clock.now())
    change_rules(database, "default", {"retention": read_retention(["people=31d"])}, by="operator", now=clock.now())
    clock.advance(timedelta(days=40))
    apply_text(database, tmp_path, MERGED, clock=clock)
    life.look()

    gone = apply_retention(database, clock=clock)

    assert gone == {}
    assert life.send() == ["詩織様・杏奈様 配信停止はご返信を"]

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from support.salon import add_customer, apply_text, define, prices, rows, tenant_of

from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.campaigns import scheduling
from lumiere_sms.campaigns.changes import checksum
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.errors import DefinitionError, StateError
from lumiere_sms.planning.plan import make_plan
from lumiere_sms.planning.preview import preview_campaign

TEXT = r"""
defaults: {variables: {offer: 20%}}
templates:
  spring:
    content: "{{ last_name | sama }}、{{ offer }}オフ。{{ point | yen }}ポイントあります。\
      ご予約をお待ちしています。サロン・ルミエールより心をこめて。"
    category: promotional
    variables: [offer]
segments:
  recent: {criteria: {field: last_visit_days, operator: lte, value: 90}}
  chosen: {members: [C-few, 090-1000-0002]}
campaigns:
  spring:
    {type: promotional, template: spring, segment: recent, schedule: "2026-03-16 13:00", send_rate_per_minute: 120}
  chosen: {message: "Hello {{ first_name | default('you') }}", segment: chosen, schedule: "2026-03-16 13:00"}
  wide:
    message: "Hello"
    segment: all
    criteria: {field: visit_count, operator: gte, value: 1}
    schedule: "2026-03-16 13:00"
    expires_after: 3h
"""


@pytest.fixture
def salon(database, user_id):
    def add(number: int, **columns: object) -> None:
        about = {"last_name": "田中", "visit_count": number % 3, "attributes": {"point": str(number)}}
        add_customer(
            database,
            user_id,
            f"+8190{number + 10_000_000:08d}",
            **{**about, "last_visit_date": date(2026, 3, 1), **columns},
        )

    for number in range(1, 40):
        add(number)
    add(40, last_name="長" * 30)
    add(41, last_name=None)
    add(42, attributes={})
    add(43, allow_promotional=False)
    add(44, last_visit_date=date(2025, 1, 1), external_id="C-few", first_name="Mia")
    add(45, timezone="America/New_York", visit_count=2)
    add(46, timezone="Nowhere")
    add(47, opt_out_date=datetime(2026, 1, 1, tzinfo=UTC))
    add(1, last_name="娘")
    add_customer(database, user_id, "+12125550123", last_name="Smith", visit_count=4, last_visit_date=date(2026, 3, 2))
    add_customer(database, user_id, None, last_name="無", visit_count=4, last_visit_date=date(2026, 3, 2))
    with database.transaction() as connection:
        suppress(connection, user_id, "+819010000009", reason="blocked", source="operator", now=None)


def written(database, name):
    with database.transaction() as connection:
        return connection.execute(
            "SELECT recipient.* FROM campaign_recipients AS recipient JOIN sms_campaigns AS campaign"
            " ON campaign.id = recipient.campaign_id WHERE campaign.name = %s",
            [name],
        ).fetchall()


@pytest.mark.parametrize("applied", [False, True], ids=["planned before apply", "planned after apply"])
def test_what_the_plan_says_is_what_the_launch_writes(database, user_id, clock, tmp_path, salon, applied):
    if applied:
        apply_text(database, tmp_path, TEXT, clock=clock)
    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(days=1, hours=4))

    launched = {each.campaign: each for each in launch_due(database, clock=clock, prices=prices)}

    assert [planned.name for planned in plan.campaigns] == ["spring", "chosen", "wide"]
    for planned in plan.campaigns:
        run, found = launched[planned.name], written(database, planned.name)
        assert (planned.matched, planned.kept, planned.exclusions) == (run.matched, run.kept, run.exclusions)
        assert planned.parts == Counter(row["segments_used"] for row in found)
        assert planned.encodings == Counter(row["encoding"] for row in found)
        assert (planned.cost, planned.currency) == (run.cost_estimate, run.currency)
        assert planned.starts_at == min(row["send_after"] for row in found)
        assert planned.expires_at == max(row["expires_at"] for row in found)
        dearest = max(found, key=lambda row: (row["segments_used"], len(row["personalized_content"])))
        assert planned.dearest.text == dearest["personalized_content"]
        assert planned.dearest.parts == dearest["segments_used"]


def test_the_salon_of_this_test_has_every_reason_and_both_encodings(database, user_id, clock, tmp_path, salon):
    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    spring, chosen, wide = plan.campaigns
    assert set(spring.exclusions) == {
        "no_phone",
        "opted_out",
        "suppressed",
        "no_consent",
        "shared_phone",
        "missing_value:last_name",
        "missing_value:point",
        "bad_timezone",
    }
    assert set(spring.parts) == {1, 2}
    assert (chosen.matched, chosen.encodings) == (2, {"gsm7": 2})
    assert "no_window" in wide.exclusions
    assert {country.country for country in wide.countries} == {"JP", "US"}


def test_a_plan_writes_nothing(database, user_id, clock, tmp_path, salon):
    make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    assert rows(database, "sms_campaigns") + rows(database, "sms_templates") + rows(database, "audience_segments") == []


def test_the_plans_checksum_is_the_one_that_apply_admits(database, user_id, clock, tmp_path, salon):
    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    applied = apply_text(database, tmp_path, TEXT, clock=clock, checksum=plan.checksum)

    assert applied.checksum == plan.checksum == checksum(plan.changes)
    assert not plan.is_empty


def test_the_slower_of_campaign_and_provider_sets_the_pace(database, user_id, clock, tmp_path, salon):
    definitions, tenant = define(tmp_path, TEXT), tenant_of(database)

    by_provider = make_plan(database, tenant, definitions, clock=clock, prices=prices, parts_per_second=0.5)
    by_campaign = make_plan(database, tenant, definitions, clock=clock, prices=prices, parts_per_second=10)

    assert (by_provider.campaigns[0].parts_per_minute, by_provider.campaigns[0].limit) == (30, "provider")
    assert (by_campaign.campaigns[0].parts_per_minute, by_campaign.campaigns[0].limit) == (120, "campaign")
    assert by_campaign.campaigns[0].fits
    first_minutes = [plan.campaigns[0].slots[0].texts for plan in (by_campaign, by_provider)]
    assert first_minutes[0] > first_minutes[1] > 0


def test_a_plan_says_how_many_would_expire(database, user_id, clock, tmp_path, salon):
    definitions = define(tmp_path, TEXT.replace("defaults: {", "defaults: {if_too_slow: expire, "))
    tenant = tenant_of(database)

    plan = make_plan(database, tenant, definitions, clock=clock, prices=prices, parts_per_second=0.001)

    spring = plan.campaigns[0]
    assert (spring.fits, spring.refusal, spring.is_spread) == (False, "", False)
    assert 0 < spring.expiring < spring.kept


def test_a_launched_campaign_is_shown_as_over_and_not_planned_again(database, user_id, clock, tmp_path, salon):
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(days=1, hours=4))
    launch_due(database, clock=clock, prices=prices)

    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    assert plan.is_empty
    assert (plan.campaigns, set(plan.over)) == ((), {"spring", "chosen", "wide"})


def test_a_draft_is_planned_as_if_it_went_now(database, user_id, clock, tmp_path, salon):
    text = "campaigns:\n  idea: {message: hello, segment: all}\n"

    plan = make_plan(database, tenant_of(database), define(tmp_path, text), clock=clock, prices=prices)

    (idea,) = plan.campaigns
    assert (idea.status, idea.wish, idea.starts_at) == ("draft", None, clock.now())


def test_a_campaign_due_now_keeps_its_time_in_later_plans(database, user_id, clock, tmp_path, salon):
    text = "campaigns:\n  idea: {message: hello, segment: all, schedule: now}\n"
    apply_text(database, tmp_path, text, clock=clock)
    applied_at = clock.now()
    clock.advance(timedelta(minutes=5))

    plan = make_plan(database, tenant_of(database), define(tmp_path, text), clock=clock, prices=prices)

    assert plan.campaigns[0].wish == applied_at


def test_a_time_in_the_past_is_told_by_the_plan_too(database, user_id, clock, tmp_path):
    text = 'campaigns:\n  idea: {message: hello, segment: all, schedule: "2026-03-14 10:00"}\n'

    with pytest.raises(DefinitionError, match="which has passed"):
        make_plan(database, tenant_of(database), define(tmp_path, text), clock=clock, prices=prices)


def test_a_change_by_command_is_shown_with_what_apply_would_need(database, user_id, clock, tmp_path, salon):
    apply_text(database, tmp_path, TEXT, clock=clock)
    scheduling.schedule(database, tenant_of(database), name="spring", at="2026-03-17 10:00", clock=clock)
    definitions, tenant = define(tmp_path, TEXT), tenant_of(database)

    plan = make_plan(database, tenant, definitions, clock=clock, prices=prices)
    overwriting = make_plan(database, tenant, definitions, clock=clock, prices=prices, overwrite=True)

    (change,) = [change for change in plan.changes if change.action == "update"]
    assert "--overwrite" in change.hint
    assert [change.refusal for change in overwriting.changes if change.action == "update"] == [""]


def test_a_preview_shows_texts_that_the_launch_writes(database, user_id, clock, tmp_path, salon):
    apply_text(database, tmp_path, TEXT, clock=clock)
    texts = preview_campaign(database, tenant_of(database), name="spring", limit=100, now=clock.now())
    few = preview_campaign(database, tenant_of(database), name="spring", limit=3, now=clock.now())
    clock.advance(timedelta(days=1, hours=4))
    launch_due(database, clock=clock, prices=prices)

    found = {
        (row["phone_number"], row["personalized_content"], row["send_after"]) for row in written(database, "spring")
    }
    assert {(text.phone, text.text, text.send_after) for text in texts} == found
    assert len(few) == 3
    with pytest.raises(StateError):
        preview_campaign(database, tenant_of(database), name="winter", limit=3, now=clock.now())


def test_a_phone_in_a_plan_is_masked(database, user_id, clock, tmp_path, salon):
    plan = make_plan(database, tenant_of(database), define(tmp_path, TEXT), clock=clock, prices=prices)

    assert only_masked(plan.campaigns[0].dearest.phone)


def only_masked(phone: str) -> bool:
    return "·" in phone and phone.startswith("+81")

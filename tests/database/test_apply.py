from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from support.salon import add_customer, add_customers, apply_text, define, only, prices, rows, tenant_of

from lumiere_sms.campaigns import lifecycle, scheduling
from lumiere_sms.campaigns.apply import apply, create
from lumiere_sms.campaigns.changes import checksum, diff
from lumiere_sms.campaigns.launch import launch_due
from lumiere_sms.database.connection import Database
from lumiere_sms.errors import DefinitionError, RefusedError, StalePlanError, StateError

TEXT = """
templates:
  greeting: {content: "Hello {{ first_name | default('you') }}", category: promotional}
segments:
  regulars: {filters: {visit_count: {min: 5}}}
campaigns:
  spring: {template: greeting, segment: regulars, schedule: "2026-03-15 12:00"}
"""


def changed(applied) -> dict[str, str]:
    return {f"{change.kind} {change.name}": change.action for change in applied.changes}


def test_definitions_become_rows_and_a_schedule_an_occurrence(database, user_id, clock, tmp_path):
    applied = apply_text(database, tmp_path, TEXT, clock=clock, by="hanako")

    campaign, occurrence = only(database, "sms_campaigns"), only(database, "campaign_occurrences")
    noon = datetime(2026, 3, 15, 3, tzinfo=UTC)
    assert changed(applied) == {
        "template greeting": "create",
        "segment regulars": "create",
        "campaign spring": "create",
    }
    assert (campaign["status"], campaign["scheduled_at"], campaign["created_by"]) == ("scheduled", noon, "hanako")
    assert (campaign["revision"], campaign["source"]) == (1, "definitions")
    assert campaign["message_content"] == "Hello {{ first_name | default('you') }}"
    assert campaign["target_criteria"] == {"segment": "regulars", "criteria": None}
    assert (occurrence["occurs_at"], occurrence["status"]) == (noon, "scheduled")


def test_applying_again_changes_nothing(database, user_id, clock, tmp_path):
    first = apply_text(database, tmp_path, TEXT, clock=clock)
    before = rows(database, "sms_campaigns") + rows(database, "sms_templates") + rows(database, "audience_segments")

    again = apply_text(database, tmp_path, TEXT, clock=clock, checksum=first.checksum)

    after = rows(database, "sms_campaigns") + rows(database, "sms_templates") + rows(database, "audience_segments")
    assert again.is_empty
    assert after == before


def test_two_that_apply_at_once_write_once(database, database_url, user_id, clock, tmp_path):
    definitions, tenant = define(tmp_path, TEXT), tenant_of(database)
    together, done, databases = Barrier(4), [], [Database(database_url) for _ in range(4)]

    def run(own: Database) -> None:
        together.wait()
        done.append(apply(own, tenant, definitions, clock=clock))

    threads = [Thread(target=run, args=[own]) for own in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in databases:
        own.close()

    assert sorted(applied.is_empty for applied in done) == [False, True, True, True]
    assert len(rows(database, "sms_campaigns")) == len(rows(database, "campaign_occurrences")) == 1
    assert only(database, "sms_templates")["version"] == 1


def test_a_checksum_admits_only_the_plan_that_showed_it(database, user_id, clock, tmp_path):
    planned = define(tmp_path, TEXT)
    with database.transaction() as connection:
        seen = checksum(diff(connection, tenant_of(database), planned, now=clock.now()))
    other = TEXT.replace("Hello", "Good day")

    with pytest.raises(StalePlanError):
        apply_text(database, tmp_path, other, clock=clock, checksum=seen)

    assert rows(database, "sms_campaigns") == []
    assert apply_text(database, tmp_path, TEXT, clock=clock, checksum=seen).checksum == seen


def test_a_checksum_is_stale_once_somebody_else_has_applied_another_revision(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    mine = define(tmp_path, TEXT.replace("segment: regulars,", "segment: regulars, priority: high,"))
    with database.transaction() as connection:
        seen = checksum(diff(connection, tenant_of(database), mine, now=clock.now()))
    apply_text(database, tmp_path, TEXT.replace("segment: regulars,", "segment: regulars, priority: low,"), clock=clock)

    with pytest.raises(StalePlanError):
        apply(database, tenant_of(database), mine, checksum=seen, clock=clock)


def test_the_checksum_says_nothing_about_the_audience(database, user_id, clock, tmp_path):
    definitions, tenant = define(tmp_path, TEXT), tenant_of(database)
    with database.transaction() as connection:
        before = checksum(diff(connection, tenant, definitions, now=clock.now()))

    add_customers(database, user_id, 3)

    with database.transaction() as connection:
        assert checksum(diff(connection, tenant, definitions, now=clock.now())) == before


def test_a_changed_value_makes_a_revision_and_says_what_changed(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    later = TEXT.replace('schedule: "2026-03-15 12:00"', 'schedule: "2026-03-15 13:00", priority: high')

    applied = apply_text(database, tmp_path, later, clock=clock)

    (change,) = [change for change in applied.changes if change.action == "update"]
    assert change.fields == {
        "priority": ("normal", "high"),
        "schedule": ({"at": "2026-03-15T12:00"}, {"at": "2026-03-15T13:00"}),
    }
    occurrence, campaign = only(database, "campaign_occurrences"), only(database, "sms_campaigns")
    assert (occurrence["occurs_at"], occurrence["priority"]) == (datetime(2026, 3, 15, 4, tzinfo=UTC), "high")
    assert (campaign["revision"], campaign["scheduled_at"]) == (2, occurrence["occurs_at"])


def test_a_campaign_follows_its_template_until_it_is_launched(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)

    applied = apply_text(database, tmp_path, TEXT.replace("Hello", "Good day"), clock=clock)

    campaign = only(database, "sms_campaigns")
    assert changed(applied)["template greeting"] == "update"
    assert changed(applied)["campaign spring"] == "unchanged"
    assert [row["version"] for row in rows(database, "sms_templates", order="version")] == [1, 2]
    assert campaign["message_content"].startswith("Good day")
    assert campaign["template_id"] == rows(database, "sms_templates", order="version")[1]["id"]


def test_a_run_keeps_the_revision_and_the_text_it_was_launched_with(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", visit_count=9)
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(hours=2))
    launch_due(database, clock=clock, prices=prices)
    other = TEXT.replace("Hello", "Good day").replace("segment: regulars,", "segment: regulars, priority: high,")

    applied = apply_text(database, tmp_path, other, clock=clock)

    campaign, occurrence = only(database, "sms_campaigns"), only(database, "campaign_occurrences")
    (change,) = [change for change in applied.changes if change.kind == "campaign"]
    assert change.note == "running: the run keeps revision 1"
    assert (campaign["revision"], campaign["status"]) == (2, "running")
    assert (occurrence["revision"], occurrence["priority"]) == (1, "normal")
    assert occurrence["definition"]["priority"] == "normal"
    assert only(database, "campaign_recipients")["personalized_content"] == "Hello you"


@pytest.mark.parametrize("end", ["launch", "cancel"])
def test_another_time_for_a_campaign_that_is_launched_or_over_is_refused(database, user_id, clock, tmp_path, end):
    add_customer(database, user_id, "+819000000001", visit_count=9)
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(hours=2))
    if end == "launch":
        launch_due(database, clock=clock, prices=prices)
    else:
        lifecycle.cancel(database, user_id, name="spring", clock=clock)

    with pytest.raises(RefusedError, match="not launched a second time") as refused:
        apply_text(database, tmp_path, TEXT.replace("03-15 12", "03-16 12"), clock=clock)

    assert refused.value.hint == "give the campaign another name"
    assert only(database, "sms_campaigns")["revision"] == 1


def test_the_same_time_written_otherwise_is_no_other_time(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", visit_count=9)
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(hours=2))
    launch_due(database, clock=clock, prices=prices)

    applied = apply_text(database, tmp_path, TEXT.replace("2026-03-15 12:00", "2026-03-15T03:00Z"), clock=clock)

    assert changed(applied)["campaign spring"] == "update"


def test_now_is_applied_once(database, user_id, clock, tmp_path):
    text = TEXT.replace('"2026-03-15 12:00"', "now")
    apply_text(database, tmp_path, text, clock=clock)
    started = clock.now()
    clock.advance(timedelta(hours=1))

    again = apply_text(database, tmp_path, text, clock=clock)
    other = apply_text(database, tmp_path, text.replace("regulars,", "regulars, priority: low,"), clock=clock)

    assert (again.is_empty, other.is_empty) == (True, False)
    assert only(database, "campaign_occurrences")["occurs_at"] == started


def test_a_time_in_the_past_is_refused_with_its_place(database, user_id, clock, tmp_path):
    text = TEXT.replace("2026-03-15 12:00", "2026-03-15 09:00")

    with pytest.raises(DefinitionError) as refused:
        apply_text(database, tmp_path, text, clock=clock)

    (problem,) = refused.value.problems
    assert (problem.line, problem.column) == (7, 3)
    assert problem.message == 'campaign "spring" is scheduled for 2026-03-15 09:00 (Asia/Tokyo), which has passed'
    assert problem.hint == 'give a time to come, or "now"'
    assert rows(database, "sms_templates") == []


def test_a_time_that_passed_after_it_was_applied_is_no_problem(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    clock.advance(timedelta(days=2))

    applied = apply_text(database, tmp_path, TEXT.replace("regulars,", "regulars, max_retries: 5,"), clock=clock)

    assert changed(applied)["campaign spring"] == "update"


def test_a_draft_becomes_scheduled_and_a_draft_again(database, user_id, clock, tmp_path):
    draft = TEXT.replace(', schedule: "2026-03-15 12:00"', "")
    statuses = []

    for text in (draft, TEXT, draft, TEXT):
        apply_text(database, tmp_path, text, clock=clock)
        statuses.append((only(database, "sms_campaigns")["status"], len(rows(database, "campaign_occurrences"))))

    assert statuses == [("draft", 0), ("scheduled", 1), ("draft", 0), ("scheduled", 1)]


def test_what_a_command_scheduled_is_replaced_only_with_overwrite(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    scheduling.schedule(database, tenant_of(database), name="spring", at="2026-03-16 10:00", clock=clock)

    with pytest.raises(RefusedError, match=r'"spring" was changed by command \(revision 2\)'):
        apply_text(database, tmp_path, TEXT, clock=clock)
    applied = apply_text(database, tmp_path, TEXT, clock=clock, overwrite=True)

    campaign = only(database, "sms_campaigns")
    assert applied.changes[-1].note == "replaces what was changed by command"
    assert (campaign["revision"], campaign["source"]) == (3, "definitions")
    assert only(database, "campaign_occurrences")["occurs_at"] == datetime(2026, 3, 15, 3, tzinfo=UTC)


def test_a_time_given_by_command_stays_where_the_files_say_none(database, user_id, clock, tmp_path):
    draft = TEXT.replace(', schedule: "2026-03-15 12:00"', "")
    apply_text(database, tmp_path, draft, clock=clock)
    scheduling.schedule(database, tenant_of(database), name="spring", at="now", clock=clock)
    launch_due(database, clock=clock, prices=prices)

    again = apply_text(database, tmp_path, draft, clock=clock)

    assert again.is_empty
    assert len(rows(database, "campaign_occurrences")) == 1


def test_a_text_whose_variable_nothing_gives_is_refused_by_the_lint(database, user_id, clock, tmp_path):
    text = TEXT.replace("Hello", "Hello {{ coupon }}")

    with pytest.raises(RefusedError, match='campaign "spring": T01 nothing gives "coupon" its value'):
        apply_text(database, tmp_path, text, clock=clock)

    assert rows(database, "sms_templates") == []
    assert not apply_text(
        database, tmp_path, text.replace("segment: reg", "variables: {coupon: X1}, segment: reg"), clock=clock
    ).is_empty


def test_an_attribute_that_customers_have_is_known_to_the_lint(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819000000001", attributes={"Favourite Colour": "blue"})

    applied = apply_text(database, tmp_path, TEXT.replace("Hello", "{{ favourite_colour }}"), clock=clock)

    assert not applied.is_empty


def test_a_static_segment_is_compared_by_its_members(database, user_id, clock, tmp_path):
    add_customer(database, user_id, "+819012345678", external_id="C1")
    add_customer(database, user_id, "+819012345679", external_id="C2")
    text = "segments: {few: {members: [C1, 090-1234-5679]}}\n"
    apply_text(database, tmp_path, text, clock=clock)

    same = apply_text(database, tmp_path, text.replace("C1", "+819012345678"), clock=clock)
    fewer = apply_text(database, tmp_path, text.replace(", 090-1234-5679", ""), clock=clock)

    assert (same.is_empty, fewer.is_empty) == (True, False)


def test_the_default_of_a_category_may_move_to_another_template(database, user_id, clock, tmp_path):
    text = "templates:\n  a: {content: a, is_default: true}\n  b: {content: b}\n"
    apply_text(database, tmp_path, text, clock=clock)

    apply_text(database, tmp_path, "templates:\n  b: {content: b, is_default: true}\n  a: {content: a}\n", clock=clock)

    assert {row["name"]: row["is_default"] for row in rows(database, "sms_templates")} == {"a": False, "b": True}


def test_create_makes_a_campaign_by_command_and_refuses_a_name_that_is_taken(database, user_id, clock, tmp_path):
    definitions, tenant = define(tmp_path, TEXT), tenant_of(database)

    create(database, tenant, definitions, clock=clock)

    assert only(database, "sms_campaigns")["source"] == "command"
    with pytest.raises(StateError, match='there is a campaign "spring" already'):
        create(database, tenant, definitions, clock=clock)


def test_a_template_that_is_gone_or_inactive_is_told(database, user_id, clock, tmp_path):
    apply_text(database, tmp_path, TEXT, clock=clock)
    campaign_only = define(tmp_path, TEXT)
    with database.transaction() as connection:
        connection.execute("UPDATE sms_templates SET is_current = false")
    lonely = type(campaign_only)(
        {}, {}, {"autumn": campaign_only.campaigns["spring"].model_copy(update={"name": "autumn"})}
    )

    with pytest.raises(StateError, match='there is no template "greeting"'):
        apply(database, tenant_of(database), lonely, clock=clock)

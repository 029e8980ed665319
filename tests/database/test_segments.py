from datetime import date

import pytest
from psycopg.types.json import Jsonb
from support.salon import add_customer, tenant_of

from lumiere_sms.audience.preview import preview_audience, preview_segment, segment_sql
from lumiere_sms.audience.segments import (
    create_segment,
    delete_segment,
    find_segment,
    list_segments,
    require_segment,
    segment_fields,
    stored_fields,
    write_segment,
)
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import StateError

TODAY = date(2026, 3, 15)
REGULARS = {"field": "visitCount", "operator": "gte", "value": "5"}
LAPSED = {
    "and": [
        {"field": "visit_count", "operator": "gte", "value": 2},
        {"not": {"field": "tags", "operator": "any", "value": ["staff"]}},
        {"or": [{"last_visit_days": {"min": 30}}, {"field": "last_visit_date", "operator": "exists", "value": False}]},
    ]
}


@pytest.fixture
def connection(database, user_id):
    people = [(1, None, []), (2, "2026-01-01", []), (3, "2026-03-14", []), (9, "2026-01-01", ["staff"]), (9, None, [])]
    for place, (visits, day, tags) in enumerate(people):
        phone = f"+81901000000{place // 2}"
        add_customer(
            database, user_id, phone, external_id=f"C{place}", visit_count=visits, last_visit_date=day, tags=tags
        )
    with database.transaction() as connection:
        yield connection


def use(connection, user_id, segment, status):
    connection.execute(
        "INSERT INTO sms_campaigns (user_id, id, name, message_content, timezone, target_criteria, currency,"
        " definition, status) VALUES (%s, %s, %s, 'Hi', 'Asia/Tokyo', %s, 'JPY', '{}', %s)",
        [user_id, new_id(), status, Jsonb({"segment": segment, "criteria": None}), status],
    )


def test_a_segment_is_kept_in_canonical_words(connection, user_id):
    key = write_segment(connection, user_id, {"name": "regulars", "description": "Often here", "criteria": REGULARS})

    segment = find_segment(connection, user_id, "regulars")
    assert segment.id == key
    assert segment.criteria == {"field": "visit_count", "operator": "gte", "value": 5}
    assert (segment.description, segment.is_dynamic, segment.is_active) == ("Often here", True, True)


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param({"criteria": REGULARS}, id="criteria"),
        pytest.param({"filters": {"visitCount": {"min": 5}}, "description": "x"}, id="filters"),
        pytest.param({"members": ["C1", "090-1000-0000"], "is_active": False}, id="members"),
        pytest.param({"members": []}, id="nobody"),
    ],
)
def test_what_was_written_reads_back_as_what_would_be_written(connection, user_id, definition):
    definition = {"name": "any", **definition}
    before = stored_fields(connection, user_id, "any")

    write_segment(connection, user_id, definition)

    assert before is None
    assert stored_fields(connection, user_id, "any") == segment_fields(connection, user_id, definition)


def test_writing_again_changes_the_segment_and_forgets_its_size(connection, user_id, clock):
    key = write_segment(connection, user_id, {"name": "any", "criteria": REGULARS})
    preview_segment(connection, tenant_of_connection(connection), target={"segment": "any"}, sample=1, now=clock.now())
    counted = find_segment(connection, user_id, "any").estimated_size

    again = write_segment(connection, user_id, {"name": "any", "members": ["C1"]})

    segment = find_segment(connection, user_id, "any")
    assert counted == 2
    assert (again, segment.is_dynamic, segment.criteria, segment.members) == (key, False, {}, 1)
    assert segment.estimated_size is None


def tenant_of_connection(connection):
    from lumiere_sms.database.tenants import Tenant  # noqa: PLC0415 - used once

    row = connection.execute("SELECT id, slug, name, timezone, country, currency, sender FROM users").fetchone()
    return Tenant(**row)


def test_a_phone_names_everyone_who_has_it_and_an_external_id_one(connection, user_id):
    write_segment(connection, user_id, {"name": "friends", "members": ["09010000000", "C4", "C4"]})
    write_segment(connection, user_id, {"name": "friends", "members": ["09010000000"]})

    preview = preview_audience(connection, user_id, target={"segment": "friends"}, today=TODAY)
    assert [person["external_id"] for person in preview.sample] == ["C0", "C1"]


def test_members_who_are_no_customers_are_named(connection, user_id):
    with pytest.raises(StateError, match=r"no customer has the number or external id X0, X1.* and 2 more"):
        write_segment(connection, user_id, {"name": "x", "members": ["C1", *(f"X{place}" for place in range(12))]})


def test_everybody_is_no_name_of_a_segment(connection, user_id):
    with pytest.raises(StateError, match='"all" means everybody'):
        write_segment(connection, user_id, {"name": "all", "criteria": REGULARS})


def test_a_segment_is_made_once(connection, user_id):
    create_segment(connection, user_id, {"name": "any", "criteria": REGULARS})

    with pytest.raises(StateError, match='there is a segment "any" already'):
        create_segment(connection, user_id, {"name": "any", "criteria": REGULARS})


def test_segments_are_listed_with_the_campaigns_that_need_them(connection, user_id):
    for name in ("b", "a"):
        write_segment(connection, user_id, {"name": name, "criteria": REGULARS})
    for status in ("scheduled", "completed"):
        use(connection, user_id, "a", status)

    assert [(segment.name, segment.campaigns) for segment in list_segments(connection, user_id)] == [("a", 1), ("b", 0)]


def test_a_segment_that_a_campaign_needs_is_not_deleted(connection, user_id):
    write_segment(connection, user_id, {"name": "a", "members": ["C1"]})
    use(connection, user_id, "a", "draft")

    with pytest.raises(StateError, match='segment "a" is used by a campaign that is not over'):
        delete_segment(connection, user_id, "a")
    use(connection, user_id, "a", "running")
    with pytest.raises(StateError, match="2 campaigns that are not over"):
        delete_segment(connection, user_id, "a")


def test_a_segment_is_deleted_with_its_list_but_not_its_people(connection, user_id):
    write_segment(connection, user_id, {"name": "a", "members": ["C1"]})

    delete_segment(connection, user_id, "a")

    assert find_segment(connection, user_id, "a") is None
    assert connection.execute("SELECT count(*) AS n FROM segment_members").fetchone()["n"] == 0
    assert connection.execute("SELECT count(*) AS n FROM customers").fetchone()["n"] == 5
    with pytest.raises(StateError, match='there is no segment "a"'):
        require_segment(connection, user_id, "a")


def test_a_preview_says_whom_each_clause_keeps_out(connection, user_id):
    preview = preview_audience(connection, user_id, target={"criteria": LAPSED}, today=TODAY, sample=1)

    assert (preview.size, preview.customers) == (2, 5)
    assert [person["external_id"] for person in preview.sample] == ["C1"]
    assert [(clause.text, clause.matches, clause.drops) for clause in preview.clauses] == [
        ("visit_count gte 2", 4, 1),
        ("not (tags any staff)", 4, 1),
        ("(last_visit_days gte 30) or (last_visit_date exists no)", 4, 1),
    ]


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        pytest.param(("birthday", "lt", {"days_ago": 30}), "birthday lt 30 days ago", id="days ago"),
        pytest.param(
            ("next_appointment_at", "lt", {"days_ahead": 3}), "next_appointment_at lt 3 days ahead", id="ahead"
        ),
        pytest.param(
            ("visit_count", "in", list(range(12))), "visit_count in 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 …", id="many"
        ),
        pytest.param(("allow_reminders", "eq", True), "allow_reminders eq yes", id="yes"),
    ],
)
def test_a_clause_is_told_on_one_line(connection, user_id, leaf, text):
    tree = dict(zip(("field", "operator", "value"), leaf, strict=True))

    preview = preview_audience(connection, user_id, target={"criteria": tree}, today=TODAY)

    assert [clause.text for clause in preview.clauses] == [text]


def test_a_preview_of_a_fixed_list_counts_among_its_members(connection, user_id):
    write_segment(connection, user_id, {"name": "friends", "members": ["C1", "C2", "C3"]})

    preview = preview_audience(connection, user_id, target={"segment": "friends", "criteria": REGULARS}, today=TODAY)

    assert (preview.size, preview.customers) == (1, 3)
    assert [(clause.matches, clause.drops) for clause in preview.clauses] == [(1, 2)]


def test_everybody_can_be_previewed(connection, user_id):
    preview = preview_audience(connection, user_id, target={}, today=TODAY)

    assert (preview.size, preview.customers, preview.clauses) == (5, 5, ())


def test_the_sql_that_is_shown_can_be_run_and_finds_the_segment(connection, user_id):
    write_segment(connection, user_id, {"name": "lapsed", "criteria": LAPSED})

    shown = segment_sql(connection, user_id, target={"segment": "lapsed"}, today=TODAY)

    by_binds = connection.execute(shown.sql, shown.binds).fetchall()
    as_text = connection.execute(shown.runnable).fetchall()
    assert [row["external_id"] for row in by_binds] == ["C1", "C4"]
    assert as_text == by_binds


def test_the_size_of_a_named_segment_is_kept(database, connection, user_id, clock):
    tenant = tenant_of(database)
    write_segment(connection, user_id, {"name": "lapsed", "criteria": LAPSED})

    preview_segment(connection, tenant, target={"segment": "lapsed"}, sample=0, now=clock.now())
    preview_segment(connection, tenant, target={"criteria": REGULARS}, sample=0, now=clock.now())

    segment = find_segment(connection, user_id, "lapsed")
    assert (segment.estimated_size, segment.last_calculated_at) == (2, clock.now())

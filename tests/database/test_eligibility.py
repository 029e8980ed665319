from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.salon import add_customer, tenant_of

from lumiere_sms.audience.caps import Cap
from lumiere_sms.audience.eligibility import AudienceCount, audience_query, count_audience
from lumiere_sms.audience.segments import write_segment
from lumiere_sms.audience.suppressions import suppress
from lumiere_sms.errors import StateError

TODAY = date(2026, 3, 15)
REGULARS = {"field": "visit_count", "operator": "gte", "value": 5}


@pytest.fixture
def exclusions(database, user_id):
    def asked(campaign_type="promotional", **target):
        with database.transaction() as connection:
            query, binds = audience_query(connection, user_id, target=target, campaign_type=campaign_type, today=TODAY)
            return {row["external_id"]: row["exclusion"] for row in connection.execute(query, binds)}

    return asked


@pytest.fixture
def add(database, user_id):
    def adding(name, phone="+819000000001", **columns):
        return add_customer(database, user_id, phone, external_id=name, **columns)

    return adding


@pytest.fixture
def suppressed(database, user_id, clock):
    def suppressing(phone, reason):
        with database.transaction() as connection:
            suppress(connection, user_id, phone, reason=reason, source="provider", now=clock.now())

    return suppressing


def test_each_person_who_is_left_out_has_the_first_reason_that_holds(add, suppressed, clock, exclusions):
    add("kept", "+819000000001")
    add("no phone", None, opt_out_date=clock.now())
    add("refused", "+819000000002", allow_promotional=False)
    suppressed("+819000000002", "opted_out")
    add("wrong number", "+819000000003", allow_promotional=False)
    suppressed("+819000000003", "invalid_number")
    add("never asked", "+819000000004", allow_promotional=False)
    add("shares", "+819000000001")

    assert exclusions() == {
        "kept": None,
        "no phone": "no_phone",
        "refused": "opted_out",
        "wrong number": "suppressed",
        "never asked": "no_consent",
        "shares": "shared_phone",
    }


@pytest.mark.parametrize(
    ("campaign_type", "left_out"),
    [("promotional", {"advertising"}), ("reminder", {"reminders"}), ("blast", set())],
)
def test_consent_is_asked_for_what_the_campaign_is(add, exclusions, campaign_type, left_out):
    add("advertising", "+819000000001", allow_promotional=False, allow_reminders=True)
    add("reminders", "+819000000002", allow_promotional=True, allow_reminders=False)

    found = exclusions(campaign_type)

    assert {name for name, exclusion in found.items() if exclusion == "no_consent"} == left_out


def test_a_refusal_holds_for_everyone_who_has_the_number(add, clock, exclusions):
    add("mother", opt_out_date=clock.now())
    add("daughter")

    assert exclusions() == {"mother": "opted_out", "daughter": "opted_out"}


def test_a_refusal_by_someone_outside_the_segment_counts_too(add, clock, exclusions):
    add("mother", visit_count=0, opt_out_date=clock.now())
    add("daughter", visit_count=9)

    assert exclusions(criteria=REGULARS) == {"daughter": "opted_out"}


def test_of_those_who_share_a_phone_the_last_who_came_is_kept(add, exclusions):
    add("never came")
    add("came first", last_visit_date="2026-01-01")
    add("came last", last_visit_date="2026-03-01")

    assert exclusions() == {"never came": "shared_phone", "came first": "shared_phone", "came last": None}


def test_of_those_who_came_on_the_same_day_the_one_known_longest_is_kept(add, exclusions):
    add("older")
    add("newer")

    assert exclusions() == {"older": None, "newer": "shared_phone"}


def test_only_someone_who_can_be_texted_takes_a_shared_phone(add, exclusions):
    add("came last, never asked", last_visit_date="2026-03-01", allow_promotional=False)
    add("not in the segment", last_visit_date="2026-03-02", visit_count=0)
    add("kept", visit_count=5)

    assert exclusions()["kept"] == "shared_phone"
    assert exclusions(criteria={"not": {"field": "external_id", "operator": "eq", "value": "not in the segment"}}) == {
        "came last, never asked": "no_consent",
        "kept": None,
    }


def test_a_target_is_the_segment_and_the_criteria_and_the_filters(database, user_id, add, exclusions):
    add("regular vip", "+819000000001", visit_count=9, tags=["vip"])
    add("regular", "+819000000002", visit_count=9)
    add("vip", "+819000000003", tags=["vip"])
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "regulars", "criteria": REGULARS})

    assert exclusions(segment="regulars").keys() == {"regular vip", "regular"}
    assert exclusions(segment="regulars", filters={"tags": ["vip"]}).keys() == {"regular vip"}
    assert exclusions(segment=None, criteria=None).keys() == {"regular vip", "regular", "vip"}
    assert exclusions(segment="all").keys() == {"regular vip", "regular", "vip"}


def test_a_fixed_list_has_its_members_and_no_others(database, user_id, add, exclusions):
    for place, name in enumerate(("A", "B", "C")):
        add(name, f"+81900000000{place}", visit_count=place * 5)
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "friends", "members": ["A", "B"]})

    assert exclusions(segment="friends").keys() == {"A", "B"}
    assert exclusions(segment="friends", criteria=REGULARS).keys() == {"B"}


def test_relative_dates_start_from_the_tenant_s_day(add, exclusions):
    add("came 30 days ago", "+819000000001", last_visit_date="2026-02-13")
    add("came 29 days ago", "+819000000002", last_visit_date="2026-02-14")

    assert exclusions(filters={"last_visit_days": {"min": 30}}).keys() == {"came 30 days ago"}


def test_a_segment_that_cannot_be_used_is_refused(database, user_id, exclusions):
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "old", "criteria": REGULARS, "is_active": False})

    with pytest.raises(StateError, match='there is no segment "nobody"'):
        exclusions(segment="nobody")
    with pytest.raises(StateError, match='segment "old" is not active'):
        exclusions(segment="old")


def test_an_audience_is_counted_by_reason(database, user_id, add):
    add("kept")
    add("shares")
    add("no phone", None)
    with database.transaction() as connection:
        counted = count_audience(connection, user_id, target={}, campaign_type="blast", today=TODAY)

    assert counted == AudienceCount(matched=3, kept=1, exclusions={"no_phone": 1, "shared_phone": 1})


def test_other_tenants_people_segments_and_refusals_do_not_count(database, user_id, add, clock, exclusions):
    add("mine")
    with database.transaction() as connection:
        other = connection.execute(
            "INSERT INTO users (id, slug, name) VALUES (gen_random_uuid(), 'other', 'Other') RETURNING id"
        ).fetchone()["id"]
        suppress(connection, other, "+819000000001", reason="opted_out", source="operator", now=clock.now())
        write_segment(connection, other, {"name": "theirs", "criteria": REGULARS})
    add_customer(database, other, "+819000000001", external_id="theirs", opt_out_date=clock.now())

    assert exclusions() == {"mine": None}
    with pytest.raises(StateError):
        exclusions(segment="theirs")


PHONES = [None, "+819000000001", "+819000000002"]
PERSON = st.fixed_dictionaries(
    {
        "phone": st.sampled_from(PHONES),
        "allow_promotional": st.booleans(),
        "opt_out_date": st.sampled_from([None, None, None, "2026-01-01"]),
        "last_visit_date": st.sampled_from([None, "2026-01-01", "2026-02-01"]),
        "visit_count": st.sampled_from([0, 9]),
    }
)


def expected(people, suppressions):
    matched = [person for person in people if person["visit_count"] >= 5]
    refused = {person["phone"] for person in people if person["opt_out_date"]}
    refused |= {phone for phone, reason in suppressions.items() if reason == "opted_out"}

    def reason_of(person):
        if person["phone"] is None:
            return "no_phone"
        if person["phone"] in refused:
            return "opted_out"
        if person["phone"] in suppressions:
            return "suppressed"
        return None if person["allow_promotional"] else "no_consent"

    reasons = {person["name"]: reason_of(person) for person in matched}
    for phone in PHONES[1:]:
        sharing = [person for person in matched if person["phone"] == phone and reasons[person["name"]] is None]
        sharing.sort(key=lambda person: person["name"])
        sharing.sort(key=lambda person: person["last_visit_date"] or "", reverse=True)
        reasons |= {person["name"]: "shared_phone" for person in sharing[1:]}
    return reasons


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(PERSON, min_size=1, max_size=6),
    suppressions=st.dictionaries(st.sampled_from(PHONES[1:]), st.sampled_from(["opted_out", "blocked"])),
)
def test_reasons_are_those_of_a_plain_reading_of_the_rules(database, user_id, people, suppressions):
    with database.transaction() as connection:
        connection.execute("DELETE FROM customers")
        connection.execute("DELETE FROM suppressions")
        for place, person in enumerate(people):
            person["name"] = f"{place}"
            connection.execute(
                "INSERT INTO customers (user_id, id, external_id, phone_number, allow_promotional, opt_out_date,"
                " last_visit_date, visit_count) VALUES (%(user_id)s, %(id)s, %(name)s, %(phone)s,"
                " %(allow_promotional)s, %(opt_out_date)s, %(last_visit_date)s, %(visit_count)s)",
                {**person, "user_id": user_id, "id": UUID(int=place + 1)},
            )
        for phone, reason in suppressions.items():
            connection.execute(
                "INSERT INTO suppressions (user_id, id, phone_number, reason, source)"
                " VALUES (%s, gen_random_uuid(), %s, %s, 'provider')",
                [user_id, phone, reason],
            )

        query, binds = audience_query(
            connection, user_id, target={"criteria": REGULARS}, campaign_type="promotional", today=TODAY
        )
        found = {row["external_id"]: row["exclusion"] for row in connection.execute(query, binds)}

    assert found == expected(people, suppressions)


def test_an_audience_can_be_asked_for_by_what_happened_and_with_a_cap(add, exclusions, database, user_id):
    add("kept")
    criteria = {"not": {"or": [{"received": {"campaign": "spring", "within_days": 30}}, {"replied": "spring"}]}}
    cap = Cap("promotional", 1, timedelta(days=7), excludes=False)

    with database.transaction() as connection:
        about = {"target": {"criteria": criteria}, "campaign_type": "promotional", "today": TODAY}
        query, binds = audience_query(connection, user_id, **about, cap=cap)
        (row,) = connection.execute(query, binds).fetchall()

    assert exclusions(criteria=criteria) == {"kept": None}
    assert (row["external_id"], row["capped_until"]) == ("kept", None)


def test_an_audience_is_read_by_a_server_side_cursor_without_sorting_its_rows(database, user_id, add):
    add("kept")
    with database.transaction() as connection:
        query, binds = audience_query(connection, user_id, target={}, campaign_type="blast", today=TODAY)
        with connection.cursor(name="audience") as cursor:
            streamed = [row["external_id"] for row in cursor.execute(query, binds)]

    assert streamed == ["kept"]
    assert "ORDER BY customers" not in query
    assert tenant_of(database).id == user_id

"""Criteria about texts and segments, against a plain reading of them on random people, texts and trees."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL
from support.salon import add_customer
from support.seeds import phone, seed_campaign

from lumiere_sms.audience.behaviour import CAMPAIGN_TYPES, Deed, Did, InSegment
from lumiere_sms.audience.criteria import And, Comparison, Not, Or, read_criteria
from lumiere_sms.audience.eligibility import find_audience, who_text
from lumiere_sms.audience.segments import create_segment, write_segment
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import StateError

TODAY, ZONE = date(2026, 3, 15), ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 3, 15, 3, 0, tzinfo=UTC)
PEOPLE = 12
SEGMENTS = {
    "often": {"field": "visit_count", "operator": "gte", "value": 3},
    "answered": {"or": [{"replied": {}}, {"in_segment": "friends"}]},
    "quiet": {"and": [{"not": {"in_segment": "answered"}}, {"in_segment": "often"}]},
}
FRIENDS = ["C1", "C4", "C7"]


def texts():
    """Texts as (campaign, type, number, days and hours ago, outcome, receipt)."""
    fates = [("accepted", None), ("accepted", "delivered"), ("accepted", "undelivered"), ("rejected", None)]
    for place in range(40):
        name, kind = (("spring", "promotional"), ("news", "blast"), ("news", "drip"))[place % 3]
        ago = timedelta(days=(place * 7) % 45, hours=(place * 5) % 24)
        yield name, kind, phone(place * 5 % (PEOPLE + 2)), NOON - ago, *fates[place % 4]


@pytest.fixture
def salon(database, user_id):
    campaigns = {
        (name, kind): seed_campaign(database, user_id, now=NOON, texts=0, name=f"{name}-{kind}")
        for name, kind in {(name, kind) for name, kind, *_ in texts()}
    }
    for place in range(PEOPLE):
        day = None if place % 4 == 0 else TODAY - timedelta(days=place * 3)
        number = None if place == 11 else phone(place)
        add_customer(database, user_id, number, external_id=f"C{place}", visit_count=place % 5, last_visit_date=day)
    with database.transaction() as connection:
        for (name, kind), seeded in campaigns.items():
            connection.execute(
                "UPDATE sms_campaigns SET name = %s, type = %s, archived_at = now() WHERE id = %s",
                [name, kind, seeded.campaign_id],
            )
        told = [*_write_texts(connection, user_id, campaigns)]
        for name, criteria in SEGMENTS.items():
            write_segment(connection, user_id, {"name": name, "criteria": criteria})
        write_segment(connection, user_id, {"name": "friends", "members": FRIENDS})
        people = connection.execute("SELECT * FROM customers").fetchall()
        yield connection, user_id, people, told


def _write_texts(connection, user_id, campaigns):
    for place, (name, kind, number, at, outcome, receipt) in enumerate(texts()):
        seeded, recipient = campaigns[name, kind], new_id()
        message_id = f"SM{place}" if outcome == "accepted" else None
        connection.execute(
            "INSERT INTO campaign_recipients (user_id, id, occurrence_id, campaign_id, phone_number, step, timezone,"
            " personalized_content, encoding, segments_used, send_after, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'Asia/Tokyo', 'hello', 'gsm7', 1, %s, %s)",
            [user_id, recipient, seeded.occurrence_id, seeded.campaign_id, number, str(place), at, at],
        )
        connection.execute(
            "INSERT INTO submissions (user_id, id, recipient_id, occurrence_id, phone_number, provider, sender,"
            " attempt, parts, started_at, outcome, provider_message_id, receipt_status)"
            " VALUES (%s, %s, %s, %s, %s, 'scripted', 'x', 1, 1, %s, %s, %s, %s)",
            [user_id, new_id(), recipient, seeded.occurrence_id, number, at, outcome, message_id, receipt],
        )
        if outcome == "accepted" and receipt != "undelivered":
            yield Deed.RECEIVED, name, kind, number, at
        if place % 3 == 0:
            deed, matched = (Deed.REPLIED, Deed.CLICKED)[place % 2], place % 2 == 0
            answered = at + timedelta(hours=30)
            connection.execute(
                "INSERT INTO responses (user_id, id, kind, phone_number, recipient_id, at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [user_id, new_id(), _KIND[deed], number, recipient if matched else None, answered],
            )
            yield deed, *((name, kind) if matched else (None, None)), number, answered


_KIND = {Deed.REPLIED: "reply", Deed.CLICKED: "click"}


def selected(connection, user_id, tree):
    audience = find_audience(connection, user_id, target={"criteria": tree})
    who, binds = who_text(connection, user_id, audience=audience, today=TODAY)
    rows = connection.execute(
        SQL("SELECT external_id FROM customers WHERE user_id = %(user_id)s AND ({})").format(SQL(who)), binds
    )
    return {row["external_id"] for row in rows}


def holds(criterion, person, told):  # noqa: PLR0911 - one return for each kind of criterion
    match criterion:
        case And(parts):
            return all(holds(part, person, told) for part in parts)
        case Or(parts):
            return any(holds(part, person, told) for part in parts)
        case Not(part):
            return not holds(part, person, told)
        case Comparison(_, _, least):
            return person["visit_count"] >= least
        case InSegment("friends"):
            return person["external_id"] in FRIENDS
        case InSegment(name):
            return holds(read_criteria(SEGMENTS[name]), person, told)
        case Did():
            return any(did(criterion, each, person) for each in told)


def did(leaf, text, person):
    deed, name, kind, number, at = text
    wanted = Deed.RECEIVED if leaf.deed is Deed.VISITED_AFTER else leaf.deed
    if (deed, number) != (wanted, person["phone_number"]):
        return False
    if leaf.campaign not in (None, name) or leaf.type not in (None, kind):
        return False
    day = at.astimezone(ZONE).date()
    if leaf.deed is not Deed.VISITED_AFTER:
        return leaf.within_days is None or (TODAY - day).days <= leaf.within_days
    visit = person["last_visit_date"]
    return visit is not None and visit > day and (leaf.within_days is None or (visit - day).days <= leaf.within_days)


DAYS = st.sampled_from([0, 1, 2, 7, 14, 30, 60])
NARROWED = st.fixed_dictionaries(
    {},
    optional={
        "campaign": st.sampled_from(["spring", "news", "gone"]),
        "type": st.sampled_from(CAMPAIGN_TYPES),
        "within_days": DAYS,
    },
)
LEAVES = (
    st.builds(lambda deed, value: {deed.value: value}, st.sampled_from(Deed), NARROWED)
    | st.builds(lambda least, more: {"last_texted_days": {"min": least, "max": least + more}}, DAYS, DAYS)
    | st.builds(lambda least: {"last_texted_days": {"min": least}}, DAYS)
    | st.builds(lambda name: {"in_segment": name}, st.sampled_from([*SEGMENTS, "friends"]))
    | st.builds(lambda least: {"field": "visit_count", "operator": "gte", "value": least}, st.integers(0, 5))
)
TREES = st.recursive(
    LEAVES,
    lambda below: (
        st.builds(lambda part: {"not": part}, below)
        | st.builds(
            lambda word, parts: {word: parts}, st.sampled_from(["and", "or"]), st.lists(below, min_size=1, max_size=3)
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_the_database_selects_exactly_those_whom_criteria_about_texts_and_segments_hold_for(salon, tree):
    connection, user_id, people, told = salon
    criterion = read_criteria(tree)

    found = selected(connection, user_id, tree)

    assert found == {person["external_id"] for person in people if holds(criterion, person, told)}


def test_a_circle_of_segments_is_refused_with_the_way_it_goes(database, user_id):
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "a", "criteria": {"in_segment": "b"}})

        with pytest.raises(StateError, match='segments in a circle: "b" → "a" → "b"'):
            create_segment(connection, user_id, {"name": "b", "criteria": {"not": {"in_segment": "a"}}})


def test_criteria_that_met_a_circle_in_the_database_say_so_instead_of_going_round(database, user_id):
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "a", "criteria": {"in_segment": "b"}})
        write_segment(connection, user_id, {"name": "b", "criteria": {"in_segment": "a"}})

        with pytest.raises(StateError, match="segments in a circle"):
            find_audience(connection, user_id, target={"segment": "a"})


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        pytest.param({"in_segment": "reglars"}, 'there is no segment "reglars"', id="segment"),
        pytest.param({"received": "sprin"}, 'there is no campaign "sprin"', id="campaign"),
    ],
)
def test_a_segment_about_what_never_was_is_not_made(database, user_id, criteria, said):
    seed_campaign(database, user_id, now=NOON, texts=0)

    with database.transaction() as connection, pytest.raises(StateError, match=said):
        create_segment(connection, user_id, {"name": "x", "criteria": criteria})


def test_a_segment_that_is_switched_off_cannot_be_a_part_of_another(database, user_id):
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "a", "members": [], "is_active": False})

        with pytest.raises(StateError, match='segment "a" is not active'):
            find_audience(connection, user_id, target={"criteria": {"in_segment": "a"}})


def test_too_many_segments_within_segments_are_refused(database, user_id):
    with database.transaction() as connection:
        for place in range(10):
            below = {"in_segment": f"s{place}"}
            write_segment(connection, user_id, {"name": f"s{place + 1}", "criteria": {"or": [below, {"not": below}]}})
        write_segment(connection, user_id, {"name": "s0", "members": []})

        with pytest.raises(StateError, match="more than 500 segments"):
            find_audience(connection, user_id, target={"segment": "s10"})

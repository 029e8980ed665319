import operator
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL
from sqlalchemy.dialects import postgresql
from support.salon import add_customer

from lumiere_sms.audience.compile import CUSTOMERS, compile_criteria, criteria_sql
from lumiere_sms.audience.criteria import And, Comparison, Not, Or, check_criteria, read_criteria
from lumiere_sms.audience.fields import FIELDS, OPERATORS, Days, Kind, Operator, find_field
from lumiere_sms.database.tables.people import Customer

TODAY, ZONE = date(2026, 3, 15), "Asia/Tokyo"
NAMES = [None, "田中", "Tanaka", "tan", "%", "_", "\\", "'; DROP TABLE customers; --", "z", "Z"]
DATES = [None, *(TODAY + timedelta(days=days) for days in (-400, -90, -31, -30, -29, -1, 0, 1, 7))]
INSTANTS = [None, *(datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day in (13, 14, 15) for hour in (0, 14, 15, 23))]
TAGS = [[], ["vip"], ["vip", "new"], ["new"], ["VIP"], ["%"]]
DIRTY = [
    None,
    "",
    "5",
    " 5 ",
    "5.0",
    "05",
    "-3",
    "10",
    "abc",
    "5 abc",
    "1e9",
    "９",
    "　5",
    "5\n",
    "9" * 40,
    5,
    5.5,
    True,
    [5],
]


def people():
    for place in range(60):
        yield {
            "external_id": f"C{place:02}",
            "last_name": NAMES[place % len(NAMES)],
            "visit_count": place % 7,
            "total_sales": Decimal(place * 1000) / 3,
            "last_visit_date": DATES[place % len(DATES)],
            "birthday": DATES[(place * 3) % len(DATES)],
            "next_appointment_at": INSTANTS[place % len(INSTANTS)],
            "tags": TAGS[place % len(TAGS)],
            "allow_promotional": place % 3 == 0,
            "attributes": {} if place % 5 == 0 else {"x": DIRTY[place % len(DIRTY)], "y": "a"},
        }


@pytest.fixture
def salon(database, user_id):
    for person in people():
        add_customer(database, user_id, None, **person)
    with database.transaction() as connection:
        yield connection, connection.execute("SELECT * FROM customers ORDER BY external_id").fetchall()


def selected(connection, tree):
    who, binds = criteria_sql(tree, today=TODAY, zone=ZONE)
    rows = connection.execute(SQL("SELECT external_id FROM customers WHERE {} ORDER BY 1").format(SQL(who)), binds)
    return [row["external_id"] for row in rows]


COMPARE = {
    Operator.EQ: operator.eq,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}


def holds(criterion, person):  # noqa: C901, PLR0911 - one case for each kind of criterion and operator
    match criterion:
        case And(parts):
            return all(holds(part, person) for part in parts)
        case Or(parts):
            return any(holds(part, person) for part in parts)
        case Not(part):
            return not holds(part, person)
        case Comparison(field, Operator.NE, value):
            return not holds(Comparison(field, Operator.EQ, value), person)
        case Comparison(field, Operator.NOT_IN, value):
            return not holds(Comparison(field, Operator.IN, value), person)
        case Comparison(field, Operator.IN, values):
            return any(holds(Comparison(field, Operator.EQ, value), person) for value in values)
        case Comparison(field, Operator.BETWEEN, (low, high)):
            at_least, at_most = Comparison(field, Operator.GTE, low), Comparison(field, Operator.LTE, high)
            return holds(at_least, person) and holds(at_most, person)
        case Comparison(_, Operator.ANY | Operator.ALL | Operator.NONE as how, tags):
            has = [tag in person["tags"] for tag in tags]
            return {Operator.ANY: any(has), Operator.ALL: all(has), Operator.NONE: not any(has)}[how]
        case Comparison(field, Operator.EXISTS, wanted):
            return (own(field, person) not in (None, [])) == wanted
        case Comparison(field, Operator.CONTAINS, value):
            return value in (own(field, person) or "") and own(field, person) is not None
        case Comparison(field, Operator.STARTS_WITH, value):
            return (own(field, person) or "").startswith(value) and own(field, person) is not None
        case Comparison(field, how, value):
            pair = operands(field, own(field, person), value)
            return pair is not None and COMPARE[how](*pair)


def own(field, person):
    if field.kind is Kind.DAYS:
        return person["last_visit_date"]
    if field.kind is not Kind.ATTRIBUTE:
        return person[field.name]
    value = person["attributes"].get(field.attribute)
    return {True: "true", None: None}.get(value, str(value)) if not isinstance(value, list) else "[5]"


def operands(field, has, value):
    if has is None:
        return None
    day = TODAY + timedelta(days=value.ahead) if isinstance(value, Days) else value
    match field.kind:
        case Kind.DAYS:
            return (TODAY - has).days, value
        case Kind.INSTANT if isinstance(day, datetime):
            return has, day if day.tzinfo else day.replace(tzinfo=ZoneInfo(ZONE))
        case Kind.INSTANT:
            return has.astimezone(ZoneInfo(ZONE)).date(), day
        case Kind.ATTRIBUTE if isinstance(value, Decimal):
            number = re.fullmatch(r" *(-?[0-9]{1,30}(\.[0-9]{1,30})?) *", has)
            return (Decimal(number[1]), value) if number else None
        case _:
            return has, day


def values_of(kind):
    relative = st.builds(lambda days: {"days_ago": days}, st.sampled_from([0, 1, 29, 30, 90])) | st.just(
        {"days_ahead": 7}
    )
    dates = st.sampled_from(DATES[1:]).map(date.isoformat) | relative
    times = st.sampled_from(["2026-03-15T08:30+09:00", "2026-03-14T23:30", "2026-03-14T23:30:00Z"])
    text = st.sampled_from([name for name in NAMES if name] + ["", "C0", "C12", "a"])
    return {
        Kind.TEXT: text,
        Kind.NUMBER: st.integers(0, 20_000) | st.sampled_from(["1000", 1000.5]),
        Kind.COUNT: st.integers(0, 8),
        Kind.DAYS: st.sampled_from([0, 1, 29, 30, 31, 90, 400]),
        Kind.DATE: dates,
        Kind.INSTANT: dates | times,
        Kind.BOOLEAN: st.booleans(),
        Kind.TAGS: st.sampled_from(["vip", "new", "%"]),
        Kind.ATTRIBUTE: st.sampled_from([5, "5", "05", "abc", "a", "5.0", -3, 9.5, True, "true", ""]),
    }[kind]


FIELD_NAMES = [
    "external_id",
    "last_name",
    "visit_count",
    "total_sales",
    "last_visit_date",
    "last_visit_days",
    "birthday",
]
FIELD_NAMES += ["next_appointment_at", "tags", "allow_promotional", "attributes.x", "attributes.y", "attributes.gone"]


@st.composite
def leaves(draw):
    name = draw(st.sampled_from(FIELD_NAMES))
    kind = find_field(name).kind
    how = draw(st.sampled_from(OPERATORS[kind]))
    one = values_of(kind)
    match how:
        case Operator.EXISTS:
            value = draw(st.booleans())
        case Operator.BETWEEN:
            value = draw(st.lists(one, min_size=2, max_size=2))
        case Operator.IN | Operator.NOT_IN | Operator.ANY | Operator.ALL | Operator.NONE:
            value = draw(st.lists(one, min_size=1, max_size=3))
        case _:
            value = draw(one)
    return {"field": name, "operator": how.value, "value": value}


TREES = st.recursive(
    leaves(),
    lambda below: (
        st.builds(lambda part: {"not": part}, below)
        | st.builds(
            lambda word, parts: {word: parts}, st.sampled_from(["and", "or"]), st.lists(below, min_size=1, max_size=3)
        )
    ),
    max_leaves=6,
).filter(lambda tree: not check_criteria(tree))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
@example(tree={"field": "next_appointment_at", "operator": "gte", "value": "2026-03-14T23:30"})
def test_the_database_selects_exactly_those_whom_the_criteria_hold_for(salon, tree):
    connection, everybody = salon
    criterion = read_criteria(tree)

    found = selected(connection, tree)

    assert found == [person["external_id"] for person in everybody if holds(criterion, person)]


@pytest.mark.parametrize(
    ("tree", "with_nobody_known"),
    [
        ({"field": "last_name", "operator": "ne", "value": "田中"}, True),
        ({"field": "last_name", "operator": "not_in", "value": ["田中"]}, True),
        ({"not": {"field": "last_name", "operator": "eq", "value": "田中"}}, True),
        ({"not": {"field": "last_visit_days", "operator": "gte", "value": 30}}, True),
        ({"field": "tags", "operator": "none", "value": ["vip"]}, True),
        ({"field": "attributes.x", "operator": "ne", "value": 5}, True),
        ({"field": "last_visit_days", "operator": "lt", "value": 30}, False),
        ({"field": "last_name", "operator": "eq", "value": "田中"}, False),
        ({"not": {"not": {"field": "last_name", "operator": "eq", "value": "田中"}}}, False),
    ],
)
def test_a_negation_includes_people_of_whom_nothing_is_known(database, user_id, tree, with_nobody_known):
    add_customer(database, user_id, None, external_id="unknown")

    with database.transaction() as connection:
        found = selected(connection, tree)

    assert (found == ["unknown"]) is with_nobody_known


def test_an_attribute_that_is_no_number_neither_matches_nor_breaks_the_query(salon):
    connection, _ = salon

    found = selected(connection, {"field": "attributes.x", "operator": "gt", "value": "4"})

    assert found
    assert all(value in {"5", " 5 ", "5.0", "05", "10", 5, 5.5} for value in values_at(connection, found))


def values_at(connection, external_ids):
    rows = connection.execute("SELECT attributes FROM customers WHERE external_id = ANY(%s)", [external_ids])
    return {row["attributes"]["x"] for row in rows}


def test_no_value_of_criteria_is_written_into_the_text():
    tree = {"field": "attributes.'--", "operator": "eq", "value": "'; DROP TABLE customers; --"}

    text, binds = criteria_sql(tree, today=TODAY, zone=ZONE)

    assert "DROP" not in text
    assert "'--" not in text
    assert "'; DROP TABLE customers; --" in binds.values()


def test_criteria_on_columns_are_compared_plainly_so_that_an_index_can_serve_them():
    tree = {"and": [{"last_visit_days": {"min": 30}}, {"field": "tags", "operator": "any", "value": ["vip"]}]}

    text = str(compile_criteria(tree).compile(dialect=postgresql.dialect()))

    assert "IS NOT true" not in text
    assert "customers.last_visit_date" in text
    assert "customers.tags &&" in text


def test_every_field_is_a_column_of_the_customers_table():
    columns = Customer.__table__.columns

    assert {column.name for column in CUSTOMERS.columns} - {"attributes"} == FIELDS.keys() - {"last_visit_days"}
    for column in CUSTOMERS.columns:
        assert column.type.python_type is columns[column.name].type.python_type, column.name

"""Every column that may hold something about a person is said to, or said not to."""

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    Interval,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from lumiere_sms.database.tables.everything import METADATA
from lumiere_sms.privacy.places import OURS, PLACES

#: Types that hold a count, a sum, a state or a time: of no use without the row they stand in.
BARE = (Boolean, DateTime, Float, Integer, Interval, Numeric, SmallInteger)
GO = {place.table for place in PLACES if place.goes}
CHANGE = {(place.table, column) for place in PLACES for column in place.becomes}


def telling(column: Column) -> bool:
    if isinstance(column.type, Uuid):
        return column.name == "customer_id"
    return not isinstance(column.type, BARE) or "hash" in column.name


def unclassified(tables) -> Iterator[str]:
    for table in tables:
        for column in table.columns:
            said = table.name in GO or (table.name, column.name) in CHANGE or column.name in OURS.get(table.name, ())
            if telling(column) and not said:
                yield f"{table.name}.{column.name}"


def test_every_column_that_may_be_about_a_person_is_classified():
    assert list(unclassified(METADATA.tables.values())) == []


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(Column("phone_number", Text()), id="a number"),
        pytest.param(Column("customer_id", Uuid()), id="a customer"),
        pytest.param(Column("note", Text()), id="words"),
    ],
)
def test_a_new_table_is_asked_about(column):
    new = Table("visits", MetaData(), column)

    assert list(unclassified([new])) == [f"visits.{column.name}"]


def test_nothing_is_classified_that_is_not_there_or_twice():
    there = {(table.name, column.name) for table in METADATA.tables.values() for column in table.columns}
    ours = {(table, column) for table, columns in OURS.items() for column in columns}

    assert (ours | CHANGE) - there == set()
    assert ours & CHANGE == set()
    assert {place.table for place in PLACES} <= METADATA.tables.keys()
    assert {table for table, _ in ours} & GO == set()


def test_what_has_a_number_or_a_customer_is_a_place():
    known = {place.table for place in PLACES}
    named = {
        table.name for table in METADATA.tables.values() if {"phone_number", "customer_id"} & set(table.columns.keys())
    }

    assert named <= known

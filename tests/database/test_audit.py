from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from lumiere_sms.database.audit import Wanted, check, entries, record
from lumiere_sms.database.chain import NOTHING_BEFORE, Link, link
from lumiere_sms.database.connection import Database

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def note(database: Database, user_id: UUID) -> Callable[..., None]:
    def note(*subjects: str, **given: Any) -> None:
        with database.transaction() as connection:
            for subject in subjects:
                record(connection, user_id, actor="sato", action="a.change", subject=subject, now=NOON, **given)

    return note


def change(database: Database, sql: str, **binds: Any) -> None:
    with database.transaction() as connection:
        connection.execute(sql, binds)


def broken(database: Database, user_id: UUID, **given: Any) -> dict[int, str]:
    return {each.seq: each.problem for each in check(database, user_id, **given).breaks}


def test_entries_are_numbered_in_the_order_of_their_commits(database: Database, user_id: UUID, note):
    note("one", "two")
    note("three")

    with database.transaction() as connection:
        found = list(entries(connection, user_id))
    assert [(each["seq"], each["subject"]) for each in found] == [(1, "one"), (2, "two"), (3, "three")]
    assert broken(database, user_id) == {}


def test_what_is_rolled_back_leaves_no_gap(database: Database, user_id: UUID, note):
    note("one")
    with database.transaction() as connection:
        record(connection, user_id, actor="sato", action="a.change", subject="lost", now=NOON)
        raise psycopg.Rollback
    note("two")

    found = check(database, user_id)
    assert (found.entries, found.head.seq, found.breaks) == (2, 2, ())


def test_many_writers_at_once_make_one_chain(database: Database, user_id: UUID, note):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, [f"change {number}" for number in range(64)]))

    found = check(database, user_id)
    assert (found.entries, found.head.seq, found.breaks) == (64, 64, ())


@pytest.mark.parametrize(
    "alteration",
    [
        "subject = 'other'",
        "actor = 'suzuki'",
        "action = 'b.change'",
        "reason = 'because'",
        "at = at + interval '1 microsecond'",
        "after = '{\"rate\": 11}'",
        "before = NULL",
        "hash = sha256('x')",
    ],
)
def test_an_altered_entry_is_named(database: Database, user_id: UUID, note, alteration: str):
    note("one", "two", "three", before={"rate": 1.5}, after={"rate": 10, "on": True, "who": ["佐藤", None]})
    assert broken(database, user_id) == {}

    change(database, f"UPDATE audit_log SET {alteration} WHERE seq = 2")

    # An altered hash breaks the entry and the one that was linked to it.
    assert list(broken(database, user_id)) == ([2, 3] if "hash" in alteration else [2])


def test_one_altered_byte_among_thousands_is_found(database: Database, user_id: UUID, note):
    note(*map(str, range(6_000)), after={"status": "paused"})  # more than are fetched at once
    assert broken(database, user_id) == {}

    change(database, 'UPDATE audit_log SET after = \'{"status": "paused."}\' WHERE seq = 5001')

    assert list(broken(database, user_id)) == [5001]


def test_entries_are_chosen_by_what_was_done_to_what_and_when(database: Database, user_id: UUID):
    with database.transaction() as connection:
        for number, action in enumerate(("campaign.pause", "campaign.resume", "template_x.pause", "campaign%.x")):
            at = NOON + timedelta(hours=number)
            record(connection, user_id, actor="sato", action=action, subject=f"s{number}", now=at)
    wanted = {
        "campaign.*": [1, 2],
        "*.pause": [1, 3],
        "campaign.paus?": [1],
        "template?x.*": [3],
        "template_x.pause": [3],
        "campaign%*": [4],
        "pause": [],
    }

    def numbers(**given: Any) -> list[int]:
        with database.transaction() as connection:
            return [each["seq"] for each in entries(connection, user_id, Wanted(**given))]

    assert {action: numbers(action=action) for action in wanted} == wanted
    assert (numbers(subject="s2"), numbers(since=NOON + timedelta(hours=2)), numbers(after=3)) == ([3], [3, 4], [4])
    assert (numbers(newest=2), numbers(newest=1, action="campaign.*")) == ([3, 4], [2])


def test_an_entry_that_is_gone_is_named(database: Database, user_id: UUID, note):
    note("one", "two", "three", "four")
    change(database, "DELETE FROM audit_log WHERE seq IN (2, 3)")
    assert broken(database, user_id) == {2: "it is gone, and all to 3"}

    change(database, "DELETE FROM audit_log WHERE seq = 4")
    assert list(broken(database, user_id)) == [2]


def test_an_end_that_was_cut_off_is_seen(database: Database, user_id: UUID, note):
    note("one", "two")
    change(database, "DELETE FROM audit_log WHERE seq = 2")
    assert broken(database, user_id) == {2: "it is gone"}


def test_an_entry_that_was_slipped_in_is_seen(database: Database, user_id: UUID, note):
    note("one")
    change(
        database,
        "INSERT INTO audit_log (user_id, id, actor, action, subject, seq, hash)"
        " SELECT user_id, gen_random_uuid(), actor, action, subject, 2, sha256('x') FROM audit_log",
    )
    assert list(broken(database, user_id)) == [2]


def test_a_chain_that_was_written_anew_misses_the_anchor(database: Database, user_id: UUID, note):
    note("one", "two")
    anchor = check(database, user_id).head
    assert broken(database, user_id, anchor=anchor) == {}

    change(database, "DELETE FROM audit_log")
    change(database, "DELETE FROM audit_heads")
    note("one", "other")

    assert broken(database, user_id) == {}
    assert broken(database, user_id, anchor=anchor) == {
        2: "its hash is not the one that was given: the chain was rewritten"
    }


def test_the_end_of_an_empty_chain_is_in_every_chain(database: Database, user_id: UUID, note):
    anchor = check(database, user_id).head
    note("one")

    assert broken(database, user_id, anchor=anchor) == {}
    assert broken(database, user_id, anchor=Link(0, bytes(31) + b"x")) != {}


def test_entries_from_before_the_chain_are_counted_apart(database: Database, user_id: UUID, note):
    change(
        database,
        "INSERT INTO audit_log (user_id, id, actor, action, subject)"
        " SELECT id, gen_random_uuid(), 'sato', 'a.change', 'old' FROM users",
    )
    note("one")

    found = check(database, user_id)
    assert (found.entries, found.unchained, found.breaks) == (1, 1, ())


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**20), 10**20)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_what_postgresql_makes_of_json_hashes_as_what_was_given(json_of, value: dict[str, Any]):
    entry = {"id": UUID(int=1), "at": NOON, "actor": "a", "action": "b", "subject": "c", "reason": None, "before": None}
    before = Link(0, NOTHING_BEFORE)

    assert link(before, UUID(int=2), {**entry, "after": value}) == link(
        before, UUID(int=2), {**entry, "after": json_of(value)}
    )


@pytest.fixture(scope="module")
def json_of(server_url: str):
    with psycopg.connect(server_url) as connection:
        yield lambda value: connection.execute("SELECT %s::jsonb::text", [Jsonb(value)]).fetchone()[0]

import io
from datetime import UTC, datetime

import pytest
from support.salon import add_customer, rows, tenant_of

from lumiere_sms.audience.suppression_lists import export_suppressions, import_suppressions
from lumiere_sms.audience.suppressions import lift_number, suppress, suppress_number
from lumiere_sms.errors import DefinitionError, StateError, UsageError

PHONE = "+819012345678"


@pytest.fixture
def take(database, clock, tmp_path):
    def take(text, **options):
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        found = import_suppressions(database, tenant_of(database), path, now=clock.now(), **options)
        return found.added, found.known

    return take


def reasons(database):
    return [(row["phone_number"], row["reason"]) for row in rows(database, "suppressions", order="phone_number")]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        pytest.param("landline", "opted_out", "opted_out", id="a refusal outranks a fact"),
        pytest.param("complaint", "opted_out", "complaint", id="but no complaint"),
        pytest.param("blocked", "complaint", "complaint", id="a complaint outranks a fact"),
        pytest.param("opted_out", "complaint", "complaint", id="and a refusal"),
        pytest.param("opted_out", "landline", "opted_out", id="a fact outranks nothing"),
    ],
)
def test_what_a_person_wants_outranks_what_is_wrong_with_a_number(database, user_id, clock, first, second, kept):
    with database.transaction() as connection:
        for reason in (first, second):
            suppress(connection, user_id, PHONE, reason=reason, source="operator", now=clock.now())

    assert reasons(database) == [(PHONE, kept)]


def test_a_landline_is_nobodys_refusal(database, user_id, clock):
    add_customer(database, user_id, PHONE)

    with database.transaction() as connection:
        suppress(connection, user_id, PHONE, reason="landline", source="provider", now=clock.now())

    assert rows(database, "customers")[0]["opt_out_date"] is None
    assert rows(database, "consents") == []


def test_what_is_exported_is_imported_as_it_was(database, user_id, clock, take):
    with database.transaction() as connection:
        suppress_number(connection, tenant_of(database), "03-1234-5678", reason="landline", now=clock.now())
        suppress_number(connection, tenant_of(database), PHONE, reason="complaint", note="=1+1", now=clock.now())
        export_suppressions(connection, user_id, stream := io.StringIO())
        connection.execute("DELETE FROM suppressions")

    assert take(stream.getvalue()) == (2, 0)
    assert take(stream.getvalue()) == (0, 2)

    landline, mobile = rows(database, "suppressions", order="phone_number")
    assert reasons(database) == [("+81312345678", "landline"), (PHONE, "complaint")]
    assert (mobile["note"], mobile["source"], mobile["created_at"]) == ("=1+1", "operator", clock.now())
    assert landline["note"] is None


def test_of_a_number_that_a_list_has_twice_the_refusal_counts_whatever_comes_after_it(database, user_id, take):
    add_customer(database, user_id, PHONE)

    assert take(f"phone_number,reason\n{PHONE},complaint\n{PHONE},opted_out\n{PHONE},invalid_number\n") == (1, 0)

    assert reasons(database) == [(PHONE, "complaint")]
    assert rows(database, "customers")[0]["opt_out_date"] is not None


def test_the_list_of_another_system_is_one_act_and_refuses_for_everybody_with_the_number(database, user_id, take):
    add_customer(database, user_id, PHONE)

    assert take("電話番号,理由,日付\n090-1234-5678,STOP,2025-12-31\n080-1111-2222,,\n", reason="complaint") == (2, 0)

    assert reasons(database) == [("+818011112222", "complaint"), (PHONE, "opted_out")]
    assert rows(database, "suppressions", order="phone_number")[1]["created_at"] == datetime(
        2025, 12, 30, 15, tzinfo=UTC
    )
    assert [row["is_granted"] for row in rows(database, "consents")] == [False, False]
    (entry,) = rows(database, "audit_log")
    assert (entry["action"], entry["after"]["numbers"]) == ("suppression.add_all", 2)


def test_each_refusal_of_a_list_is_noted_as_it_was_said(database, user_id, take):
    said = {PHONE: "reply", "+818011112222": "link"}
    people = {add_customer(database, user_id, number): source for number, source in said.items()}

    take("phone_number,source\n" + "".join(f"{number},{source}\n" for number, source in said.items()))

    assert {row["customer_id"]: row["source"] for row in rows(database, "consents")} == people


def test_a_dry_run_changes_nothing(database, take):
    assert take("tel\n090-1234-5678\n", dry_run=True) == (1, 0)
    assert rows(database, "suppressions") == []
    assert rows(database, "audit_log") == []


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        pytest.param("tel,reason\n090-1234-5678,mood\n", 2, '"mood" is not a reason', id="unknown reason"),
        pytest.param("tel,date\n090-1234-5678,2031-01-01\n", 2, "is in the future", id="a day ahead"),
        pytest.param("tel\n12\n", 2, "is not a phone number", id="no number"),
        pytest.param("tel,reason\n090-1234-5678\n", 2, "1 cell, but the header has 2", id="a cell too few"),
        pytest.param("reason\nSTOP\n", 1, "no column is a phone number", id="no numbers at all"),
        pytest.param("tel,reasn\n090-1234-5678,x\n", 1, 'did you mean "reason"', id="unknown column"),
        pytest.param("tel,phone\n090-1234-5678,x\n", 1, "several columns are phone_number", id="a column twice"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_nothing_is_changed(database, take, text, line, told):
    with pytest.raises(DefinitionError) as raised:
        take(text)

    (problem,) = raised.value.problems
    assert (problem.line, told in problem.message) == (line, True)
    assert rows(database, "suppressions") == []


@pytest.mark.parametrize(
    ("phone", "reason", "error"),
    [
        pytest.param("090-1234-5678", " ", UsageError, id="without a reason"),
        pytest.param("090-1234-5678", "asked", StateError, id="a number that is not suppressed"),
        pytest.param("nobody", "asked", UsageError, id="no number"),
    ],
)
def test_what_cannot_be_lifted_is_told(database, phone, reason, error):
    with pytest.raises(error), database.transaction() as connection:
        lift_number(connection, tenant_of(database), phone, reason=reason, now=None)

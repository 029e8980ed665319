"""A segment against labels, against its own past, and against what a file would make of it."""

import pytest
from support.salon import add_customer, apply_text, tenant_of

from lumiere_sms.audience.checking import check_segment
from lumiere_sms.audience.labels import read_labels
from lumiere_sms.audience.segments import delete_segment, require_segment, write_segment
from lumiere_sms.errors import DefinitionError, StateError
from lumiere_sms.planning.segment_diff import segment_difference

FIVE = {"field": "visit_count", "operator": "gte", "value": 5}
EIGHT = {"field": "visit_count", "operator": "gte", "value": 8}
VIP = {"field": "tags", "operator": "any", "value": ["vip"]}


@pytest.fixture
def salon(database, user_id):
    for place in range(10):
        tags = ["vip"] if place in {1, 9} else []
        number = f"+8190100000{place // 9:02}" if place >= 8 else f"+819020000{place:03}"
        add_customer(database, user_id, number, external_id=f"C{place}", visit_count=place, tags=tags)
    with database.transaction() as connection:
        write_segment(connection, user_id, {"name": "often", "criteria": FIVE})
    return database


@pytest.fixture
def labels(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def checked(salon, user_id, labels, clock):
    def check(text, name="often"):
        with salon.transaction() as connection:
            labelled = read_labels(labels(text), country="JP")
            return check_segment(connection, user_id, name=name, labels=labelled, today=clock.now().date())

    return check


def test_a_check_says_how_often_labels_and_segment_agree_and_who_is_wrong(checked):
    found = checked("customer_id,label\nC5,yes\nC6,yes\nC7,no\nC4,yes\nC0,no\nC1,no\nX9,yes\n")

    assert (found.found, found.missed, found.mistaken, found.left_out) == (2, 1, 1, 2)
    assert (found.precision, found.recall) == (2 / 3, 2 / 3)
    assert found.strangers == (8,)
    assert [(each.line, each.belongs, each.person["external_id"], each.because) for each in found.wrong] == [
        (4, False, "C7", ()),
        (5, True, "C4", ("visit_count gte 5",)),
    ]


def test_who_is_kept_out_is_told_by_which_clauses(salon, user_id, checked):
    with salon.transaction() as connection:
        write_segment(connection, user_id, {"name": "best", "criteria": {"and": [EIGHT, VIP]}})

    found = checked("id,label\nC8,yes\nC0,yes\nC9,yes\n", name="best")

    assert [each.because for each in found.wrong] == [
        ("tags any vip",),
        ("visit_count gte 8", "tags any vip"),
    ]


def test_a_share_of_nothing_is_none(checked):
    found = checked("id,label\nC0,no\n")

    assert (found.precision, found.recall) == (None, None)


def test_a_phone_stands_for_everyone_who_has_it(salon, user_id, checked):
    add_customer(salon, user_id, "+819020000000", external_id="mother", visit_count=50)

    found = checked("phone,label\n090-2000-0000,yes\n090-2000-0009,no\n")

    assert (found.found, found.wrong, found.strangers) == (1, (), (3,))


def test_a_fixed_list_is_checked_too(salon, user_id, checked):
    with salon.transaction() as connection:
        write_segment(connection, user_id, {"name": "friends", "members": ["C1", "C2"]})

    found = checked("id,label\nC1,yes\nC3,yes\n", name="friends")

    assert (found.found, [each.because for each in found.wrong]) == (1, [("in segment friends",)])


def test_labels_that_name_no_customer_at_all_are_refused(checked):
    with pytest.raises(StateError, match="none of the lines names a customer"):
        checked("id,label\nX1,yes\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("id,label\nC1,maybe\n", [(2, '"maybe" is neither yes nor no')], id="no answer"),
        pytest.param("id,label\nC1,\n", [(2, "this line says neither yes nor no")], id="empty"),
        pytest.param("id,label\n,yes\n", [(2, "this line names nobody")], id="nobody"),
        pytest.param("id,label\nC1,yes\nC1,no\n", [(3, "C1 stands on line 2 already")], id="twice"),
        pytest.param("id,label\nC1\n", [(2, "1 cell, but the header has 2")], id="short"),
        pytest.param("phone,label\n12,yes\n", [(2, '"12" is not a phone number')], id="phone"),
        pytest.param("id\nC1\n", [(1, "no column says who belongs")], id="no label"),
        pytest.param("id,a,b\nC1,yes,no\n", [(1, "2 columns may say who belongs")], id="two that may be it"),
        pytest.param("id,label\n", [(0, "nobody is listed below the header")], id="header alone"),
        pytest.param("visits,label\n1,yes\n", [(1, "no column is a phone number or a customer number")], id="whose"),
        pytest.param('id,label\nC1,"yes\n', [(2, "a quote is opened here and never closed")], id="no CSV"),
        pytest.param('"id,label\nC1,yes\n', [(1, "a quote is opened here and never closed")], id="no header"),
    ],
)
def test_labels_that_cannot_be_read_are_told_with_their_lines(labels, text, told):
    with pytest.raises(DefinitionError) as refused:
        read_labels(labels(text), country="JP")

    assert [(problem.line, problem.message) for problem in refused.value.problems] == told


def test_a_column_that_nothing_else_is_says_who_belongs(labels):
    found = read_labels(labels("id,氏名,本命\nC1,田中,○\nC2,原,×\n"), country="JP")

    assert [(each.external_id, each.belongs) for each in found] == [("C1", True), ("C2", False)]


# before and after -------------------------------------------------------------------------------


@pytest.fixture
def difference(salon, clock):
    def compare(against, **target):
        target = {"segment": "often", "criteria": None, **target}
        options = {"target": target, "sample": 2, "now": clock.now()}
        return segment_difference(salon, tenant_of(salon), against=str(against), **options)

    return compare


def test_a_segment_keeps_what_it_was_each_time_it_changes(salon, user_id):
    with salon.transaction() as connection:
        for definition in ({"criteria": FIVE}, {"criteria": EIGHT}, {"criteria": EIGHT}, {"members": ["C1"]}):
            write_segment(connection, user_id, {"name": "often", **definition})

        assert require_segment(connection, user_id, "often").revision == 3
        delete_segment(connection, user_id, "often")


def test_a_revision_is_compared_with_now(salon, user_id, difference):
    with salon.transaction() as connection:
        write_segment(connection, user_id, {"name": "often", "criteria": {"or": [EIGHT, VIP]}})

    found, sides = difference(1)

    assert (sides.before, sides.after) == ("revision 1", "now")
    assert (found.before, found.after, found.joining, found.leaving) == (5, 3, 1, 3)
    assert [person["external_id"] for person in found.joins] == ["C1"]
    assert [person["external_id"] for person in found.leaves] == ["C5", "C6"]


def test_two_revisions_are_compared_a_fixed_list_among_them(salon, user_id, difference):
    with salon.transaction() as connection:
        write_segment(connection, user_id, {"name": "often", "members": ["C0", "C9"]})
        write_segment(connection, user_id, {"name": "often", "criteria": EIGHT})

    found, sides = difference("1..2")

    assert (sides.before, sides.after) == ("revision 1", "revision 2")
    assert (found.before, found.after, found.joining, found.leaving) == (5, 2, 1, 4)


def test_a_file_of_definitions_is_compared_with_what_it_makes_of_other_segments_too(salon, difference, tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(
        "segments:\n"
        "  often: {criteria: {and: [{in_segment: most}, {not: {in_segment: few}}]}}\n"
        "  most: {criteria: {field: visit_count, operator: gte, value: 1}}\n"
        "  few: {members: [C9]}\n"
    )

    found, sides = difference(file)

    assert (sides.before, sides.after) == ("now", str(file))
    assert (found.before, found.after, found.joining, found.leaving) == (5, 8, 4, 1)


def test_criteria_are_compared_with_a_file_of_criteria(difference, tmp_path):
    file = tmp_path / "new.json"
    file.write_text('{"field": "visit_count", "operator": "gte", "value": 8}')

    found, _ = difference(file, segment=None, criteria=FIVE)

    assert (found.before, found.after, found.joining, found.leaving) == (5, 2, 0, 3)


@pytest.mark.parametrize(
    ("against", "target", "error", "said"),
    [
        pytest.param("7", {}, StateError, "has no revision 7", id="no such revision"),
        pytest.param("1..7", {}, StateError, "has no revision 7", id="no second revision"),
        pytest.param("1", {"segment": None, "criteria": FIVE}, StateError, "no revisions", id="criteria"),
        pytest.param("1", {"segment": "gone"}, StateError, 'no segment "gone"', id="no such segment"),
        pytest.param("gone.yaml", {}, DefinitionError, "no such file", id="no such file"),
    ],
)
def test_what_cannot_be_compared_is_told(difference, against, target, error, said):
    with pytest.raises(error, match=said):
        difference(against, **target)


def test_a_file_without_the_segment_is_refused(difference, tmp_path):
    file = tmp_path / "other.yaml"
    file.write_text("segments: {other: {members: [C1]}}\n")

    with pytest.raises(DefinitionError, match='no segment "often" in it'):
        difference(file)


def test_segments_that_name_each_other_are_applied_in_whatever_order_they_stand(salon, user_id, clock, tmp_path):
    text = "segments:\n  a: {criteria: {in_segment: b}}\n  b: {criteria: {not: {received: {within_days: 7}}}}\n"

    apply_text(salon, tmp_path, text, clock=clock)

    with salon.transaction() as connection:
        write_segment(connection, user_id, {"name": "b", "criteria": FIVE})
        with pytest.raises(StateError, match='segment "b" is part of segment "a"'):
            delete_segment(connection, user_id, "b")

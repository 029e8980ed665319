import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.audience.criteria import (
    CriteriaError,
    canonical_criteria,
    check_criteria,
    check_filters,
    filters_to_criteria,
    read_criteria,
)
from lumiere_sms.audience.fields import FIELDS, OPERATORS


def leaf(field="visit_count", operator="gte", value=5):
    return {"field": field, "operator": operator, "value": value}


def said(tree):
    return [(problem.path, problem.message, problem.hint) for problem in check_criteria(tree)]


def test_every_problem_of_a_tree_is_told_at_once_with_its_path():
    tree = {"and": [leaf(field="visitCont"), {"or": [leaf(value="many"), {"not": leaf(operator=">=")}]}]}

    problems = said(tree)

    assert problems == [
        (("and", 0, "field"), 'unknown field "visitCont"', 'did you mean "visit_count"?'),
        (("and", 1, "or", 0, "value"), '"many" is not a number', ""),
        (("and", 1, "or", 1, "not", "operator"), 'unknown operator ">="', 'did you mean "gte"?'),
    ]


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        pytest.param({}, (), "the criteria are empty", id="an empty tree is not everybody by accident"),
        pytest.param([], (), 'expected and, or, not or a field, not "[]"', id="a list"),
        pytest.param("vip", (), 'expected and, or, not or a field, not "vip"', id="a word"),
        pytest.param({"and": []}, ("and",), '"and" takes a list of one or more criteria', id="and of nothing"),
        pytest.param({"or": leaf()}, ("or",), '"or" takes a list of one or more criteria', id="or without a list"),
        pytest.param({"and": [leaf()], "or": [leaf()]}, (), '"and" and "or" stand side by side', id="two branches"),
        pytest.param({"nto": leaf()}, ("nto",), 'unknown key "nto"', id="a misspelt branch"),
        pytest.param({"visit_count": 5}, ("visit_count",), 'unknown key "visit_count"', id="a field as a key"),
        pytest.param({**leaf(), "vlaue": 1}, ("vlaue",), 'unknown key "vlaue"', id="a misspelt key"),
        pytest.param({"field": "tags", "value": 1}, (), '"operator" is missing', id="no operator"),
        pytest.param({"operator": "eq", "value": 1}, (), '"field" is missing', id="no field"),
        pytest.param({"field": "tags", "operator": "any"}, (), '"value" is missing', id="no value"),
        pytest.param(leaf(field=7), ("field",), 'unknown field "7"', id="a field that is no text"),
        pytest.param(leaf(field="attributes."), ("field",), 'unknown field "attributes."', id="an attribute unnamed"),
        pytest.param(leaf(field="tags.vip"), ("field",), 'unknown field "tags.vip"', id="a field below a column"),
        pytest.param(
            leaf(operator="atleast"), ("operator",), 'unknown operator "atleast"', id="an operator of no kind"
        ),
        pytest.param(
            leaf("tags", "contains", "vip"),
            ("operator",),
            '"tags" is a list of tags and has no operator "contains"',
            id="an operator of another kind",
        ),
        pytest.param(leaf(value=True), ("value",), '"True" is not a number', id="true is no number"),
        pytest.param(leaf(value="1.5"), ("value",), '"1.5" is not a whole number', id="half a visit"),
        pytest.param(
            leaf("total_sales", "gt", "NaN"), ("value",), '"NaN" is not a number below 1,000,000,000,000,000', id="NaN"
        ),
        pytest.param(leaf("first_name", "eq", None), ("value",), '"None" is not a text', id="null is no text"),
        pytest.param(
            leaf("first_name", "eq", "a\0"),
            ("value",),
            "'a\\x00' holds a character that no customer's text can hold",
            id="NUL",
        ),
        pytest.param(
            leaf("first_name", "eq", "\ud800"),
            ("value",),
            "'\\ud800' holds a character that no customer's text can hold",
            id="half a pair",
        ),
        pytest.param(
            leaf("first_name", "eq", "x" * 1001),
            ("value",),
            "a text of 1,001 characters is too long; 1,000 is the most",
            id="a long text",
        ),
        pytest.param(leaf("allow_reminders", "eq", "maybe"), ("value",), '"maybe" is not true or false', id="maybe"),
        pytest.param(
            leaf("birthday", "exists", 3), ("value",), '"3" is not true or false', id="exists takes a boolean"
        ),
        pytest.param(
            leaf("last_visit_date", "lt", "2026-02-30"),
            ("value",),
            '"2026-02-30" is not a date; write 2026-03-15, {days_ago: 30} or {days_ahead: 7}',
            id="30 February",
        ),
        pytest.param(
            leaf("last_visit_date", "lt", "0001-01-01"),
            ("value",),
            '"0001-01-01" is not a date; write 2026-03-15, {days_ago: 30} or {days_ahead: 7}',
            id="off the calendar",
        ),
        pytest.param(
            leaf("created_at", "lt", "9 a.m."),
            ("value",),
            '"9 a.m." is not a time; write 2026-03-15T18:00+09:00 or 2026-03-15, {days_ago: 30} or {days_ahead: 7}',
            id="not a time",
        ),
        pytest.param(
            leaf("birthday", "lt", {"weeks_ago": 2}),
            ("value",),
            "a date relative to today is written {days_ago: 30} or {days_ahead: 7}",
            id="weeks",
        ),
        pytest.param(
            leaf("created_at", "lt", {"days_ago": 40_000}),
            ("value",),
            '"40000" is not a number of days from 0 to 36,500',
            id="too long ago",
        ),
        pytest.param(
            leaf(operator="in", value=3), ("value",), "expected a list of one or more values", id="in without a list"
        ),
        pytest.param(
            leaf(operator="in", value=[1, "x"]), ("value", 1), '"x" is not a number', id="one bad value of many"
        ),
        pytest.param(
            leaf(operator="in", value=[1] * 10_001),
            ("value",),
            "10,001 values are too many; 10,000 is the most",
            id="too many values",
        ),
        pytest.param(
            leaf(operator="between", value=5),
            ("value",),
            "expected {min: …, max: …} or [lowest, highest]",
            id="between one",
        ),
        pytest.param(
            leaf(operator="between", value={"from": 1}),
            ("value",),
            "expected {min: …, max: …} or [lowest, highest]",
            id="between from",
        ),
        pytest.param(
            leaf(operator="between", value=[5, 1]),
            ("value",),
            "the least, 5, is greater than the most, 1",
            id="between backwards",
        ),
        pytest.param(leaf(operator="between", value=[1, "x"]), ("value", 1), '"x" is not a number', id="one bad end"),
        pytest.param(
            leaf("attributes.age", "between", [1, "x"]),
            ("value",),
            "both ends must be numbers, or both texts",
            id="mixed ends",
        ),
        pytest.param(
            {"last_visit_days": {"min": -1}},
            ("last_visit_days", "min"),
            '"-1" is not a number of days from 0 to 36,500',
            id="days to come",
        ),
    ],
)
def test_a_wrong_tree_is_told_with_its_place(tree, path, message):
    problems = check_criteria(tree)

    assert [(problem.path, problem.message) for problem in problems] == [(path, message)]


@pytest.mark.parametrize(
    ("tree", "hint"),
    [
        pytest.param(
            leaf(field="hair_colour"), "a CSV's own columns are written attributes.NAME", id="nothing is like it"
        ),
        pytest.param(leaf(field="last_vist_date"), 'did you mean "last_visit_date"?', id="a column is like it"),
        pytest.param({"visit_count": 5}, "write {field: …, operator: …, value: …}", id="the shape is wrong"),
        pytest.param(leaf("tags", "eq", "vip"), "it takes any, all, none, exists", id="the kind's operators"),
        pytest.param(leaf(operator="roughly"), "", id="no guess is better than a wild one"),
    ],
)
def test_a_problem_says_what_was_probably_meant(tree, hint):
    assert [problem.hint for problem in check_criteria(tree)] == [hint]


@pytest.mark.parametrize(
    ("tree", "canonical"),
    [
        pytest.param(leaf("visitCount", "GTE", "5"), leaf("visit_count", "gte", 5), id="text from YAML, camelCase"),
        pytest.param(leaf("totalSales", "gt", "12000.50"), leaf("total_sales", "gt", 12000.5), id="a fraction"),
        pytest.param(leaf("allowPromotional", "eq", "true"), leaf("allow_promotional", "eq", True), id="a boolean"),
        pytest.param(
            leaf("birthday", "lt", {"daysAgo": "30"}), leaf("birthday", "lt", {"days_ago": 30}), id="days ago"
        ),
        pytest.param(leaf("birthday", "lt", {"days_ahead": 0}), leaf("birthday", "lt", {"days_ago": 0}), id="today"),
        pytest.param(
            leaf("createdAt", "lt", "2026-03-15 18:00"), leaf("created_at", "lt", "2026-03-15T18:00:00"), id="a time"
        ),
        pytest.param({"field": "birthday", "operator": "exists"}, leaf("birthday", "exists", True), id="exists alone"),
        pytest.param(leaf(operator="notIn", value=["1", 2]), leaf(operator="not_in", value=[1, 2]), id="not in"),
        pytest.param(
            leaf(operator="between", value={"max": 9, "min": 1}), leaf(operator="between", value=[1, 9]), id="both ends"
        ),
        pytest.param(leaf(operator="between", value={"max": 9}), leaf(operator="lte", value=9), id="one end"),
        pytest.param({"lastVisitDays": {"min": "30"}}, leaf("last_visit_days", "gte", 30), id="the short form"),
        pytest.param(
            leaf("attributes.Haircut", "eq", "5"), leaf("attributes.Haircut", "eq", 5), id="a number of a CSV"
        ),
        pytest.param(leaf("attributes.code", "eq", "007"), leaf("attributes.code", "eq", "007"), id="a code of a CSV"),
        pytest.param(leaf("attributes.a.b", "eq", True), leaf("attributes.a.b", "eq", "true"), id="a boolean of a CSV"),
        pytest.param(
            leaf("attributes.code", "starts_with", 1), leaf("attributes.code", "starts_with", "1"), id="a prefix"
        ),
        pytest.param({"NOT": leaf()}, {"not": leaf()}, id="a branch in capitals"),
    ],
)
def test_what_says_the_same_is_stored_the_same(tree, canonical):
    assert canonical_criteria(tree) == canonical
    assert canonical_criteria(canonical) == canonical


def test_the_filters_of_the_api_become_a_tree():
    filters = {"lastVisitDays": {"min": 30, "max": 90}, "visitCount": {"min": 2}, "tags": ["vip", "regular"]}

    tree = filters_to_criteria(filters)

    assert tree == {
        "and": [leaf("last_visit_days", "between", [30, 90]), leaf(value=2), leaf("tags", "any", ["vip", "regular"])]
    }
    assert not check_criteria(tree)


def test_every_problem_of_filters_is_told_with_its_path():
    problems = check_filters({"visit_count": 5, "tag": ["vip"], "total_sales": {"min": 1}, "tags": []})

    assert [(problem.path, problem.message, problem.hint) for problem in problems] == [
        (("visit_count",), "expected {min: …, max: …} or [lowest, highest]", ""),
        (("tag",), 'unknown filter "tag"', 'did you mean "tags"?'),
        (
            ("total_sales",),
            'unknown filter "total_sales"',
            "filters are last_visit_days, visit_count, tags; criteria can ask for more",
        ),
        (("tags",), "expected a list of one or more values", ""),
    ]


def test_wrong_filters_and_trees_raise_their_first_problem():
    with pytest.raises(CriteriaError, match="expected one or more of last_visit_days"):
        filters_to_criteria({})
    with pytest.raises(CriteriaError, match='unknown field "x"'):
        read_criteria(leaf(field="x"))


def test_a_tree_that_never_ends_is_refused_before_it_breaks_the_stack():
    tree = leaf()
    for _ in range(5_000):
        tree = {"not": tree}

    assert [problem.message for problem in check_criteria(tree)] == ["criteria are nested deeper than 20 levels"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(sorted(FIELDS)),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["and", "or", "not", "field", "operator", "value", "min", "max", "days_ago", "last_visit_days"]
            )
            | st.text(max_size=3),
            below,
            max_size=3,
        )
        | st.fixed_dictionaries(
            {
                "field": st.sampled_from([*FIELDS, "attributes.x"]),
                "operator": st.sampled_from(sorted(set().union(*OPERATORS.values()))),
                "value": below,
            }
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_plain_data_is_either_told_what_is_wrong_with_it_or_read(tree):
    problems = check_criteria(tree)

    if problems:
        assert all(problem.message for problem in problems)
    else:
        canonical = canonical_criteria(tree)
        assert canonical_criteria(json.loads(json.dumps(canonical))) == canonical

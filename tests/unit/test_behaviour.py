import pytest

from lumiere_sms.audience.algebra import MOST_SEGMENTS, campaigns_in, find_circle, looked_up, segments_in
from lumiere_sms.audience.behaviour import InSegment
from lumiere_sms.audience.compile import expression_of
from lumiere_sms.audience.criteria import And, Not, canonical_criteria, check_criteria, read_criteria
from lumiere_sms.audience.preview import clause_line
from lumiere_sms.errors import StateError


@pytest.mark.parametrize(
    ("tree", "canonical", "line"),
    [
        pytest.param({"received": "spring"}, {"received": {"campaign": "spring"}}, "received spring", id="a name"),
        pytest.param({"received": {}}, {"received": {}}, "received any text", id="anything"),
        pytest.param(
            {"replied": {"withinDays": "30", "type": "drip"}},
            {"replied": {"type": "drip", "within_days": 30}},
            "replied any drip text within 30 days",
            id="camelCase, text for a number",
        ),
        pytest.param(
            {"visitedAfter": {"campaign": "spring", "type": "blast", "within_days": 1}},
            {"visited_after": {"campaign": "spring", "type": "blast", "within_days": 1}},
            "visited after spring of type blast within 1 day",
            id="all at once",
        ),
        pytest.param(
            {"last_texted_days": {"min": 30, "max": 90}},
            {"and": [{"received": {"within_days": 90}}, {"not": {"received": {"within_days": 29}}}]},
            "(received any text within 90 days) and (not (received any text within 29 days))",
            id="last texted between",
        ),
        pytest.param(
            {"lastTextedDays": {"max": 7}},
            {"received": {"within_days": 7}},
            "received any text within 7 days",
            id="max",
        ),
        pytest.param({"last_texted_days": {"min": 0}}, {"received": {}}, "received any text", id="ever"),
        pytest.param({"inSegment": "regulars"}, {"in_segment": "regulars"}, "in segment regulars", id="a segment"),
    ],
)
def test_a_leaf_is_kept_in_canonical_words_and_told_on_one_line(tree, canonical, line):
    found = canonical_criteria(tree)

    assert (found, clause_line(found)) == (canonical, line)
    assert canonical_criteria(found) == found


@pytest.mark.parametrize(
    ("tree", "path", "said", "hint"),
    [
        pytest.param({"recieved": "x"}, ("recieved",), 'unknown key "recieved"', "received", id="misspelt"),
        pytest.param({"received": ""}, ("received",), "name of a campaign is missing", "within_days", id="empty"),
        pytest.param({"received": 5}, ("received",), '"5" is not the name of a campaign', "name one", id="number"),
        pytest.param({"received": "x\0"}, ("received",), "no customer's text can hold", "", id="NUL"),
        pytest.param({"clicked": {"within": 3}}, ("clicked", "within"), "unknown key", "within_days", id="key"),
        pytest.param({"clicked": {"foo": 3}}, ("clicked", "foo"), "unknown key", "known are campaign", id="no guess"),
        pytest.param({"replied": {"type": "promo"}}, ("replied", "type"), "is not a type", "promotional", id="type"),
        pytest.param(
            {"replied": {"within_days": -1}}, ("replied", "within_days"), "not a number of days", "", id="days"
        ),
        pytest.param({"last_texted_days": 30}, ("last_texted_days",), "expected {min", "not: {received", id="bounds"),
        pytest.param({"last_texted_days": {}}, ("last_texted_days",), "expected {min", "not: {received", id="none"),
        pytest.param(
            {"last_texted_days": {"min": 9, "max": 3}},
            ("last_texted_days",),
            "the least, 9, is greater",
            "",
            id="order",
        ),
        pytest.param({"in_segment": None}, ("in_segment",), "name of a segment is missing", "", id="no segment"),
        pytest.param({"in_segment": "all"}, ("in_segment",), '"all" means everybody', "leave", id="everybody"),
        pytest.param({"received": "a", "in_segment": "b"}, (), "stand side by side", "as a list", id="two at once"),
    ],
)
def test_a_leaf_that_is_wrong_is_told_with_its_place(tree, path, said, hint):
    (problem,) = check_criteria({"and": [tree]})

    assert problem.path == ("and", 0, *path)
    assert said in problem.message
    assert hint in problem.hint


def test_names_are_found_wherever_criteria_stand_but_not_in_the_values_of_comparisons():
    tree = {
        "or": [
            {"not": {"in_segment": "a"}},
            {"received": "spring"},
            {"replied": {"campaign": "news"}},
            {"field": "tags", "operator": "any", "value": [{"in_segment": "no"}]},
        ]
    }

    assert list(segments_in(tree)) == [(("or", 0, "not", "in_segment"), "a")]
    assert [name for _, name in campaigns_in(tree)] == ["spring", "news"]


@pytest.mark.parametrize(
    ("parts", "circle"),
    [
        pytest.param({"a": ["a"]}, ("a", "a"), id="itself"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["a"]}, ("a", "b", "c", "a"), id="a long way"),
        pytest.param({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, (), id="twice the same is no circle"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["b"]}, (), id="a circle beside it is not its own"),
    ],
)
def test_a_circle_is_found_with_its_way(parts, circle):
    assert find_circle("a", parts) == circle


def test_a_segment_means_the_criteria_it_has_at_any_depth():
    stored = {"a": read_criteria({"not": {"in_segment": "b"}}), "b": read_criteria({"received": {}})}

    found = looked_up(read_criteria({"in_segment": "a"}), meaning=stored.__getitem__)

    assert found == InSegment("a", Not(InSegment("b", stored["b"])))


def test_segments_that_grow_without_bound_are_refused():
    wide = And(tuple(InSegment("a") for _ in range(MOST_SEGMENTS + 1)))

    with pytest.raises(StateError, match="more than 500 segments"):
        looked_up(wide, meaning=lambda _: read_criteria({"received": {}}))


def test_a_segment_that_was_not_looked_up_is_a_mistake_of_ours():
    with pytest.raises(LookupError, match="not looked up"):
        expression_of(InSegment("a"))

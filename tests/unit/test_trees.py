import pytest

from lumiere_sms.audience.trees import read_file, read_tree
from lumiere_sms.errors import DefinitionError

TREE = '{"field": "visit_count", "operator": "gte", "value": 5}'


def test_criteria_are_read_from_json(tmp_path):
    path = tmp_path / "regulars.json"
    path.write_text(TREE, encoding="utf-8-sig")

    assert read_file(path) == read_tree(TREE, source="--criteria")
    assert read_tree(TREE, source="--criteria")["field"] == "visit_count"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('{"and": [}', ["--criteria:1:10: this is not JSON: Expecting value"], id="no JSON"),
        pytest.param("[" * 100_000, ["--criteria:1:1: this is not JSON: nested too deeply"], id="too deep for JSON"),
        pytest.param("[]", ['--criteria: expected and, or, not or a field, not "[]"'], id="no tree"),
        pytest.param(
            '{"and": [{"field": "visitCont", "operator": "eq", "value": 1}, {"not": {"nto": 1}}]}',
            [
                '--criteria: at and[0].field: unknown field "visitCont"; did you mean "visit_count"?',
                '--criteria: at and[1].not.nto: unknown key "nto"; did you mean "not"?',
            ],
            id="wrong criteria",
        ),
    ],
)
def test_what_is_wrong_with_criteria_is_told_with_its_place(text, told):
    with pytest.raises(DefinitionError) as raised:
        read_tree(text, source="--criteria")

    assert [str(problem) for problem in raised.value.problems] == told


def test_a_file_of_criteria_that_cannot_be_read_is_told(tmp_path):
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(b"\xff")

    with pytest.raises(DefinitionError, match=r"gone\.json: cannot be read: no such file"):
        read_file(tmp_path / "gone.json")
    with pytest.raises(DefinitionError, match=r"damaged\.json: cannot be read: it is not UTF-8"):
        read_file(damaged)

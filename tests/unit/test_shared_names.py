import pytest

from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import DefinitionError
from lumiere_sms.messages.values import joined_names


@pytest.mark.parametrize(
    ("people", "joined"),
    [
        pytest.param([("花子", "田中"), ("美咲", "田中")], "田中花子様・美咲様", id="a family's name once"),
        pytest.param([("花子", "田中"), ("美咲", "佐藤")], "田中花子様・佐藤美咲様", id="two families"),
        pytest.param([("Hanako", "Tanaka"), ("Misaki", "Tanaka")], "Hanako and Misaki Tanaka", id="Latin"),
        pytest.param([("A", "X"), ("B", "X"), ("C", "X")], "A, B and C X", id="three"),
        pytest.param([("A", "X"), ("B", "Y")], "A X and B Y", id="two families in Latin"),
        pytest.param([("A", None), (None, "Y")], "A and Y", id="half a name each"),
        pytest.param([("Ann", "Lee"), ("花子", "田中")], "Ann Lee様・田中花子様", id="both scripts"),
        pytest.param([("花子", "田中"), (None, None), ("花子", "田中")], "田中花子", id="the same name twice is one"),
        pytest.param([(None, "")], None, id="nobody has one"),
    ],
)
def test_names_are_joined_as_their_script_does(people, joined):
    assert joined_names(people) == joined


@pytest.mark.parametrize(
    ("lines", "place", "said"),
    [
        pytest.param("message: Hi {{ names }}", "3:14", "goes to one of them", id="names without merging"),
        pytest.param("template: t", "3:15", 'the template "t" says the names', id="names in a template"),
        pytest.param(
            "message: Hi\n    shared_phones: merge", "4:20", "nobody's name but one", id="merging without names"
        ),
        pytest.param(
            "message: Hi\n    shared_phones: both", "4:20", '"both" is no value for shared_phones', id="no such choice"
        ),
        pytest.param(
            "message: Hi {{ names }}\n    type: reminder\n    remind: 1 day before\n    shared_phones: merge",
            "6:20",
            "about one person",
            id="a reminder",
        ),
    ],
)
def test_what_cannot_be_said_to_all_who_share_a_phone_has_a_place_and_a_hint(tmp_path, lines, place, said):
    text = f"campaigns:\n  c:\n    {lines}\n    segment: all\ntemplates:\n  t:\n    content: Hi {{{{ names }}}}\n"
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(DefinitionError) as caught:
        read_definitions([tmp_path / "c.yaml"])

    (problem,) = caught.value.problems
    assert (f"{problem.line}:{problem.column}", said in problem.message) == (place, True), problem
    assert problem.hint


@pytest.mark.parametrize(
    "lines",
    [
        "message: Hi {{ names }}\n    shared_phones: merge",
        "message: Hi {{ names }}\n    variables: {names: you all}",
        "template: t\n    sharedPhones: merge",
        "message: Hi\n    shared_phones: one",
    ],
)
def test_names_are_for_texts_to_all_who_share_a_phone(tmp_path, lines):
    text = f"campaigns:\n  c:\n    {lines}\n    segment: all\ntemplates:\n  t:\n    content: Hi {{{{ names }}}}\n"
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")

    assert read_definitions([tmp_path / "c.yaml"]).campaigns["c"]

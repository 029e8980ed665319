import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.definitions.nodes import Source, compose
from lumiere_sms.definitions.places import node_at, snake, span_at, span_inside


def places_of(text, *path):
    """Return (character, what stands in the file at its place) for each character that is no white space."""
    source = Source.of("x.yaml", text)
    scalar = node_at(compose(source), path)
    for at, character in enumerate(scalar.text):
        if not character.isspace():
            before = scalar.text[:at]
            line, column = before.count("\n") + 1, at - before.rfind("\n")
            span = span_inside(source, scalar, line=line, column=column)
            yield character, source.lines[span.line][span.column]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("k:\n  m: |2-   # a comment: {{ \n\n      x {{ y\n    z\n\n  n: 1", id="literal with an indent"),
        pytest.param("k:\n  m: >\n    x {{ y\n    z\n\n    あ z\n  n: 1", id="folded"),
        pytest.param("k:\r\n  m: |\r\n    x\r\n    y\r\n", id="carriage returns"),
        pytest.param("k:\n  m: a 'b\n    c d\n\n    e # no\n  n: 1", id="plain over several lines"),
        pytest.param("k:\n  m: 'it''s\n    '' x''y'''\n", id="single quotes"),
    ],
)
def test_each_character_of_a_text_is_found_where_it_was_written(text):
    found = list(places_of(text, "k", "m"))

    assert found
    assert all(character == there for character, there in found)


@given(
    text=st.text(alphabet="ab'\"\\{}% \n:#あ\u3000\t\x85", max_size=60),
    style=st.sampled_from(["'", '"', "|", ">", None]),
    width=st.sampled_from([20, 80]),
    allow_unicode=st.booleans(),
)
def test_each_character_of_any_text_is_found_in_any_style(text, style, width, allow_unicode):
    document = yaml.dump({"k": {"m": f"x{text}x"}}, default_style=style, width=width, allow_unicode=allow_unicode)

    found = list(places_of(document, "k", "m"))

    assert [character for character, _ in found] == [character for character in f"x{text}x" if not character.isspace()]
    assert all(there in (character, "\\") for character, there in found)


def test_a_place_behind_a_text_is_the_text():
    source = Source.of("x.yaml", "k: abc\n")
    scalar = node_at(compose(source), ("k",))

    assert span_inside(source, scalar, line=9, column=1) == scalar.span


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        pytest.param(("a", "b_c", 1), False, 2, 10, id="an item of a list, its key in camelCase"),
        pytest.param(("a", "b_c"), True, 2, 2, id="a key"),
        pytest.param(("a", "none"), False, 0, 0, id="a key that is missing: the one above"),
        pytest.param(("a", "b_c", 7), False, 2, 2, id="an item that is missing: the list's key"),
        pytest.param(("a", "d", 0), False, 3, 5, id="an item of what is one value: the value"),
        pytest.param(("a", "e"), False, 4, 2, id="an empty value: its key"),
        pytest.param(("nothing",), False, 0, 0, id="nothing at all: the document"),
        pytest.param((), False, 0, 0, id="the document"),
    ],
)
def test_a_path_leads_to_its_place(path, key, line, column):
    root = compose(Source.of("x.yaml", "a:\n  # first\n  bC: [x, y]\n  d: z\n  e:\n"))

    span = span_at(root, path, key=key)

    assert (span.line, span.column) == (line, column)


def test_a_node_that_is_not_there_is_none():
    root = compose(Source.of("x.yaml", "a: [x]\n"))

    assert node_at(root, ("a", 3)) is None
    assert node_at(root, ("a", "b")) is None


@pytest.mark.parametrize(("key", "said"), [("batchSize", "batch_size"), ("isDefault", "is_default"), ("ABC", "ABC")])
def test_camel_case_is_snake_case(key, said):
    assert snake(key) == said

import pytest

from lumiere_sms.definitions.nodes import DEEPEST, Source, compose, plain
from lumiere_sms.errors import DefinitionError


def data_of(text):
    node = compose(Source.of("x.yaml", text))
    return None if node is None else plain(node)


def complaint_of(text):
    with pytest.raises(DefinitionError) as caught:
        compose(Source.of("x.yaml", text))
    return str(caught.value.problems[0])


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("09:00", id="a time that looks octal"),
        pytest.param("21:00", id="a time that YAML reads as 1260"),
        pytest.param("+819012345678", id="a phone with its plus"),
        pytest.param("no", id="a word that YAML reads as False"),
        pytest.param("0012", id="leading zeros"),
        pytest.param("2026-03-15", id="a date"),
        pytest.param("1_000", id="underscores"),
        pytest.param("1e3", id="an exponent"),
        pytest.param("0x1F", id="hexadecimal"),
    ],
)
def test_a_scalar_stays_what_was_written(written):
    assert data_of(f"key: {written}\n") == {"key": written}


def test_only_a_plain_scalar_can_mean_nothing():
    found = data_of("a:\nb: ~\nc: null\nd: 'null'\ne: ''\nf: [~, x]\n")

    assert found == {"a": None, "b": None, "c": None, "d": "null", "e": "", "f": [None, "x"]}


def test_of_two_equal_keys_the_first_counts_and_both_are_nodes():
    node = compose(Source.of("x.yaml", "a: 1\na: 2\n"))

    assert plain(node) == {"a": "1"}
    assert [(key.text, value.text) for key, value in node.entries] == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "a: b: c\n",
            'x.yaml:1:5: a ":" is not expected here; quote a text that holds ": "; check the indent\n'
            "    1 | a: b: c\n      |     ^",
            id="a colon inside a text",
        ),
        pytest.param(
            "a:\n\tb: 1\n", "x.yaml:2:1: a tab cannot indent; use spaces\n    2 | \tb: 1\n      | ^", id="a tab"
        ),
        pytest.param(
            "message: {{ name }}様\n",
            'x.yaml:1:11: a text that begins with "{{" needs quotes; '
            'write "{{ name }} …", or | and the text on the next line\n'
            "    1 | message: {{ name }}様\n      |           ^",
            id="a variable that begins a text",
        ),
        pytest.param(
            "message: {{ name }}\n",
            'x.yaml:1:11: a text that begins with "{{" needs quotes; '
            'write "{{ name }} …", or | and the text on the next line\n'
            "    1 | message: {{ name }}\n      |           ^",
            id="a variable that is a whole text",
        ),
        pytest.param(
            "a: {{ name\n",
            'x.yaml:1:5: a text that begins with "{{" needs quotes; '
            'write "{{ name }} …", or | and the text on the next line\n'
            "    1 | a: {{ name\n      |     ^",
            id="a variable that is not closed",
        ),
        pytest.param(
            "a: @home\n",
            'x.yaml:1:4: a text cannot begin with "@"; quote it\n    1 | a: @home\n      |    ^',
            id="a reserved character",
        ),
        pytest.param(
            "a: *Sale* today\n",
            'x.yaml:1:9: no name follows; quote a text that begins with "*" or "&"\n'
            "    1 | a: *Sale* today\n      |         ^",
            id="asterisks for emphasis",
        ),
        pytest.param(
            'a: 1\nb: "never\n closed\n',
            'x.yaml:2:4: the quote that opens here is never closed; close it\n    2 | b: "never\n      |    ^',
            id="an open quote",
        ),
        pytest.param(
            'a: "x\\q"\n',
            "x.yaml:1:6: there is no such escape; inside double quotes write \\\\ for a backslash\n"
            '    1 | a: "x\\q"\n      |      ^',
            id="an unknown escape",
        ),
        pytest.param(
            "a: [1, 2\nb: 3\n",
            "x.yaml:1:4: this bracket is never closed, or a comma is missing; "
            'quote a text that begins with "{" or "["\n'
            "    1 | a: [1, 2\n      |    ^",
            id="an open bracket",
        ),
        pytest.param(
            "a: 1\nb 2\nc: 3\n",
            'x.yaml:2:1: a ":" is missing after this key; write key: value\n    2 | b 2\n      | ^',
            id="a missing colon",
        ),
        pytest.param(
            "- a\nb: 1\n",
            'x.yaml:2:1: a list item was expected here; begin it with "- ", under the others\n    2 | b: 1\n      | ^',
            id="a key among list items",
        ),
        pytest.param(
            "a:\n  b: 1\n c: 2\n",
            "x.yaml:3:2: a key was expected here; check the indent, and quote a text that holds quotes or brackets\n"
            "    3 |  c: 2\n      |  ^",
            id="a crooked indent",
        ),
        pytest.param(
            "a: &x 1\nb: *x\n",
            'x.yaml:2:4: aliases are not allowed; quote a text that begins with "*"; write out what "*x" stands for\n'
            "    2 | b: *x\n      |    ^^",
            id="an alias",
        ),
        pytest.param(
            "a: !env X\n",
            'x.yaml:1:4: tags are not allowed; quote a text that begins with "!"\n    1 | a: !env X\n      |    ^^^^^^',
            id="a tag",
        ),
        pytest.param(
            "? [a]\n: b\n",
            'x.yaml:1:3: a key must be a text; quote a text that begins with "{" or "["\n    1 | ? [a]\n      |   ^',
            id="a list as a key",
        ),
        pytest.param(
            "a: 1\n---\nb: 2\n",
            "x.yaml:2:1: a second document begins here; write one document to a file\n    2 | ---\n      | ^^^",
            id="two documents",
        ),
        pytest.param(
            "%YAML 3.0\n---\na: 1\n",
            "x.yaml:1:1: this version of YAML is not known; remove the %YAML line\n    1 | %YAML 3.0\n      | ^",
            id="a future YAML",
        ),
        pytest.param(
            "ab: 1\r\nc: d\x07e\r\n",
            "x.yaml:2:5: the character U+0007 cannot be shown and is not allowed in a definition; remove it\n"
            "    2 | c: d·e\n      |     ^",
            id="a control character",
        ),
    ],
)
def test_what_is_no_yaml_gets_one_sentence_with_its_place(text, said):
    assert complaint_of(text) == said


def test_a_bomb_of_aliases_is_refused_at_the_first_alias():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]

    assert complaint_of("\n".join(lines)).startswith("x.yaml:2:10: aliases are not allowed")


@pytest.mark.parametrize("depth", [DEEPEST + 2, 2_000, 200_000])
def test_deep_nesting_is_refused_however_deep(depth):
    assert complaint_of("[" * depth).startswith(f"x.yaml:1:{DEEPEST + 2}: this is nested deeper than {DEEPEST} levels")


def test_a_document_without_content_is_nothing():
    assert data_of("") is None
    assert data_of("# only a comment\n") is None
    assert data_of("---\n...\n") is None

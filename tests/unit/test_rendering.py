import unicodedata
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.messages.mentions import Mention
from lumiere_sms.messages.rendering import (
    MissingValueError,
    RenderingError,
    TemplateProblemError,
    compile_template,
)


def rendered(source, **values):
    return compile_template(source).render(values)


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        pytest.param("Hi {{ first_name }}!", {"first_name": "Hanako"}, "Hi Hanako!", id="snake_case"),
        pytest.param("Hi {{firstName}}!", {"first_name": "Hanako"}, "Hi Hanako!", id="camelCase"),
        pytest.param("{{ 好きな色 }}色", {"好きな色": "赤"}, "赤色", id="a Japanese name"),
        pytest.param("{{ ﾎﾟｲﾝﾄ }}", {"ポイント": 5}, "5", id="a half-width name"),
        pytest.param("a\r\nb\n\n", {}, "a\nb", id="line ends, none at the end"),
        pytest.param("cafe\u0301", {}, "café", id="NFC"),
        pytest.param("{{ a }}\u0301", {"a": "e"}, "é", id="NFC across a value"),
        pytest.param(
            "{% if vip %}VIP{% elif visits > 3 %}many{% else %}few{% endif %}", {"visits": 5}, "many", id="if"
        ),
        pytest.param("{{ 'a' if vip else 'b' }}", {"vip": None}, "b", id="a choice"),
        pytest.param("x{{ 'a' if vip }}", {"vip": False}, "x", id="a choice of nothing"),
        pytest.param("{% if 'vip' in tags %}♥{% endif %}x", {"tags": ["vip"]}, "♥x", id="in a list"),
        pytest.param("{% if n in [1, 2] and not x %}a{% endif %}", {"n": 2}, "a", id="in a list of one's own"),
        pytest.param("{{ n + 1 }}, {{ n - 1 }}", {"n": 9}, "10, 8", id="the next visit"),
        pytest.param("{% if x is defined %}a{% else %}b{% endif %}", {"x": None}, "b", id="none is not defined"),
        pytest.param("{# note #}{% raw %}{{ a }}{% endraw %}", {}, "{{ a }}", id="comment and raw"),
        pytest.param("a\n{%- if x %}\nb{% endif %}", {"x": 1}, "a\nb", id="blanks cut by a minus"),
        pytest.param("{{ tags }}", {"tags": ["a", "b"]}, "a, b", id="a list is joined"),
        pytest.param("{{ d }}", {"d": Decimal("12000.00")}, "12000", id="a whole decimal has no point"),
        pytest.param("{{ d }}", {"d": Decimal("12.50")}, "12.50", id="another keeps it"),
        pytest.param("{{ d }}", {"d": datetime(2026, 3, 15, 10, 0, tzinfo=UTC)}, "2026-03-15 10:00", id="a moment"),
        pytest.param("{{ d }} {{ t }}", {"d": date(2026, 3, 15), "t": True}, "2026-03-15 True", id="anything else"),
    ],
)
def test_a_template_becomes_a_text(source, values, text):
    assert compile_template(source).render(values) == text


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("{{ v | sama }}", "田中", "田中様"),
        ("{{ v | sama }}", " 田中様 ", "田中様"),
        ("{{ v | jdate }}", date(2026, 3, 15), "3月15日(日)"),
        ("{{ v | jdate }}", "2026/3/16", "3月16日(月)"),
        ("{{ v | date }}", datetime(2026, 3, 15, 9, 5, tzinfo=UTC), "Sun 15 Mar"),
        ("{{ v | time }}", datetime(2026, 3, 15, 9, 5, tzinfo=UTC), "9:05"),
        ("{{ v | time }}", time(18, 30), "18:30"),
        ("{{ v | yen }}", Decimal("12000.00"), "¥12,000"),
        ("{{ v | yen }}", "1,234.5", "¥1,235"),
        ("{{ v | number }}", 1234567, "1,234,567"),
        ("{{ v | phone }}", "+819012345678", "090-1234-5678"),
        ("{{ v | upper }}{{ v | lower }}{{ v | title }}", "aB", "ABabAb"),
        ("[{{ v | trim }}]", " a ", "[a]"),
        ("{{ v | truncate(2) }}", "abc", "ab"),
        ("{{ v | trim | upper | truncate(1) }}", " abc", "A"),
    ],
)
def test_filters(source, value, text):
    assert rendered(source, v=value) == text


@pytest.mark.parametrize("value", [{}, {"v": None}], ids=["missing", "none"])
@pytest.mark.parametrize(
    "source",
    [
        "Hi {{ v }}",
        "{{ v | sama }}",
        "{{ v | jdate }}",
        "{{ v | upper | trim }}",
        "{{ v and 'x' }}",
        "{{ x or v }}",
        "{% if v > 3 %}a{% endif %}",
        "{% if v == 'a' %}a{% endif %}",
        "{% if 'a' in v %}a{% endif %}",
        "{% if v in ['a'] %}a{% endif %}",
        "{{ 1 + v }}",
        "{{ v - 1 }}",
        "{{ v | default(w) }}",
    ],
)
def test_what_has_no_value_is_an_error_that_names_it(source, value):
    with pytest.raises(MissingValueError) as raised:
        compile_template(source).render(value)

    assert raised.value.name == ("w" if "w" in source else "v")
    assert f'"{raised.value.name}" has no value and the template writes no fallback' in str(raised.value)


@pytest.mark.parametrize("value", [{}, {"v": None}, {"v": ""}], ids=["missing", "none", "empty"])
@pytest.mark.parametrize(
    "source",
    [
        "{{ v | default('お客様') }}",
        "{{ v | default('お客様', true) }}",
        "{{ v or 'お客様' }}",
        "{{ v | sama | default('お客様') }}",
        "{{ (v | sama) or 'お客様' }}",
        "{{ v | default(w) | default('お客様') }}",
        "{% if v %}{{ v | sama }}{% else %}お客様{% endif %}",
        "{{ v if v else 'お客様' }}",
    ],
)
def test_a_written_fallback_stands_for_a_missing_value(source, value):
    assert compile_template(source).render(value) == "お客様"


def test_an_empty_name_is_not_called_sama():
    with pytest.raises(MissingValueError, match="a value is empty"):
        rendered("{{ v | sama }}", v="  ")


def test_zero_is_a_value():
    assert rendered("{{ v | default('none') }}", v=0) == "0"


@pytest.mark.parametrize(
    ("source", "values", "complaint"),
    [
        ("{{ v | jdate }}", {"v": "soon"}, '"soon" is not a date'),
        ("{{ v | jdate }}", {"v": "2026-02-30"}, '"2026-02-30" is not a date'),
        ("{{ v | time }}", {"v": date(2026, 3, 15)}, '"2026-03-15" has no time of day'),
        ("{{ v | yen }}", {"v": "much"}, '"much" is not a number'),
        ("{{ v | yen }}", {"v": "9e999999999"}, "is not a number"),
        ("{{ v | number }}", {"v": "9" * 5000}, f'"{"9" * 40}…" is not a number'),
        ("{{ v | number }}", {"v": float("nan")}, '"nan" is not a number'),
        ("{{ v | phone }}", {"v": "abc"}, '"abc" is not a phone number with its country code'),
        ("{{ v + 'a' }}", {"v": "a"}, "\\+ takes numbers, not texts"),
        ("{{ v - 1 }}", {"v": ["a"]}, "- takes numbers, not texts"),
        ("{% if v > 3 %}a{% endif %}", {"v": "a"}, "cannot be filled in: '>' not supported"),
        (" {{ v }} ", {"v": " "}, "the text is empty"),
        ("{{ v }}", {"v": "a" * 1601}, "a value of 1,601 characters is longer than a text may be"),
        ("{{ v }}b", {"v": "a" * 1600}, "the text has 1,601 characters; a text holds 1,600"),
        ("{{ v }}", {"v": "😀" * 801}, "the text has 1,602 characters"),
    ],
)
def test_values_that_cannot_be_shown_are_refused(source, values, complaint):
    with pytest.raises(RenderingError, match=complaint):
        compile_template(source).render(values)


def test_the_longest_text_is_sent():
    assert len(rendered("{{ v }}", v="a" * 1600)) == 1600
    assert len(rendered("{{ v }}", v="😀" * 800)) == 800


def test_transliteration_is_of_the_whole_text():
    template = compile_template("{{ name }}’s day – 20% off")

    assert template.render({"name": "Zoë"}, transliterate=True) == "Zoe's day - 20% off"
    assert template.render({"name": "花子"}, transliterate=True) == "花子’s day – 20% off"


# Templates come from people who are not to be trusted with the server: each of these is refused
# before anything is evaluated, at its place.
@pytest.mark.parametrize(
    ("source", "line", "column", "complaint"),
    [
        pytest.param("{{ 'a' * 10**9 }}", 1, 4, "no arithmetic", id="repetition"),
        pytest.param("{{ [v] * 9 }}", 1, 4, "no arithmetic", id="repetition of a list"),
        pytest.param("{{ 9 ** 9 ** 9 }}", 1, 11, "no arithmetic", id="powers"),
        pytest.param("{{ '%1000000000d' % 1 }}", 1, 4, "no arithmetic", id="a format's width"),
        pytest.param("{{ '{:>1000000000}'.format(1) }}", 1, 27, "calls no functions", id="str.format"),
        pytest.param("{{ v | center(1000000000) }}", 1, 8, 'no filter "center"', id="center"),
        pytest.param("{{ v | format(1) }}", 1, 8, 'no filter "format"', id="format"),
        pytest.param("{{ v | indent(99999999) }}", 1, 8, 'no filter "indent"', id="indent"),
        pytest.param("{{ v | batch(9) }}", 1, 8, 'no filter "batch"', id="batch"),
        pytest.param("{{ v | attr('x') }}", 1, 8, 'no filter "attr"', id="attr"),
        pytest.param("{{ v | map('upper') }}", 1, 8, 'no filter "map"', id="map"),
        pytest.param("{{ v | truncate(10**9) }}", 1, 8, "number of characters, 1 to 1,600", id="a computed length"),
        pytest.param("{{ v | truncate(99999) }}", 1, 8, "number of characters, 1 to 1,600", id="a great length"),
        pytest.param("{{ v | truncate(true) }}", 1, 8, "number of characters, 1 to 1,600", id="no length"),
        pytest.param("{{ ''.__class__ }}", 1, 6, "a name has no parts", id="an attribute"),
        pytest.param("{{ v['__class__'] }}", 1, 5, "a name has no parts", id="an item"),
        pytest.param("{{ v[1:9] }}", 1, 5, "a name has no parts", id="a slice"),
        pytest.param("{{ range(9) }}", 1, 9, "calls no functions", id="range"),
        pytest.param("{{ lipsum() }}", 1, 10, "calls no functions", id="lipsum"),
        pytest.param("{{ self }}", 1, 4, '"self" is no name of a value', id="self"),
        pytest.param("{{ _ }}", 1, 4, '"_" is no name', id="no name"),
        pytest.param("{% for i in v %}a{% endfor %}", 1, 4, "no loops", id="for"),
        pytest.param("{% for i in v recursive %}{{ loop(v) }}{% endfor %}", 1, 4, "no loops", id="recursion"),
        pytest.param("{% set a = v %}", 1, 4, "sets no variables", id="set"),
        pytest.param("{% set a %}b{% endset %}", 1, 4, "sets no variables", id="set block"),
        pytest.param("a\n{% if v %}{% set a = 1 %}{% endif %}", 2, 14, "sets no variables", id="set inside"),
        pytest.param("{% macro m() %}{% endmacro %}", 1, 4, "no such tag", id="macro"),
        pytest.param("{% macro m() %}{% macro n() %}{% endmacro %}{% endmacro %}", 1, 4, "no such tag", id="macros"),
        pytest.param("{% call m() %}{% endcall %}", 1, 4, "no such tag", id="call"),
        pytest.param("{% filter upper %}a{% endfilter %}", 1, 4, "no such tag", id="filter block"),
        pytest.param("{% with a = 1 %}{% endwith %}", 1, 4, "no such tag", id="with"),
        pytest.param("{% autoescape true %}{% endautoescape %}", 1, 4, "no such tag", id="autoescape"),
        pytest.param("{% include '/etc/passwd' %}", 1, 4, "no such tag", id="include"),
        pytest.param("{% import 'x' as y %}", 1, 4, "no such tag", id="import"),
        pytest.param("{% from 'x' import y %}", 1, 4, "no such tag", id="from"),
        pytest.param("{% extends 'x' %}", 1, 4, "no such tag", id="extends"),
        pytest.param("{% block b %}{% endblock %}", 1, 4, "no such tag", id="block"),
        pytest.param("{{ a ~ b }}", 1, 4, "not joined with ~", id="concatenation"),
        pytest.param("{{ {'a': 1} }}", 1, 4, "made of names, filters", id="a dictionary"),
        pytest.param("{{ -v }}", 1, 4, "made of names, filters", id="a sign"),
        pytest.param("{{ v is divisibleby(3) }}", 1, 9, 'no test "divisibleby"', id="a test"),
        pytest.param("{{ v is none }}", 1, 9, 'no test "none"', id="none as a test"),
        pytest.param("{{ none }}", 1, 4, "none is no text", id="none"),
        pytest.param("{{ v | default(none) }}", 1, 16, "none is no text", id="none as a fallback"),
        pytest.param("{{ " + "(" * 3000 + "v" + ")" * 3000 + " }}", 1, 1, "nested too deeply", id="brackets"),
        pytest.param("{{ v" + " or v" * 900 + " }}", 1, None, "nested more than 40 deep", id="a chain"),
        pytest.param("{% if v %}" * 60 + "{% endif %}" * 60, 1, None, "nested more than 40 deep", id="conditions"),
        pytest.param("a\n{{ " + "9" * 5000 + " }}", 2, 4, "this number is too long", id="a long number"),
        pytest.param("a" * 10_001, 1, 1, "10,001 characters is longer than 10,000", id="a long template"),
        pytest.param("a\nb\0c", 2, 2, "U\\+0000 cannot be sent", id="a zero byte"),
        pytest.param("{{ '\\x00' }}", 1, 4, "U\\+0000 cannot be sent", id="a zero byte in a text"),
        pytest.param("a\ud83d", 1, 2, "U\\+D83D cannot be sent", id="half a pair"),
    ],
)
def test_what_a_text_may_not_do_is_refused_at_its_place(source, line, column, complaint):
    with pytest.raises(TemplateProblemError, match=complaint) as raised:
        compile_template(source)

    assert raised.value.line == line
    assert column is None or raised.value.column == column


@pytest.mark.parametrize(
    ("source", "line", "column", "message", "hint"),
    [
        ("Hi {{ first name }}", 1, 13, "expected token 'end of print statement', got 'name'", "one word"),
        ("a\n\nHi {{ name", 3, 7, "the template ends before this is closed", "is a }} or"),
        ("{% if a %}b", 1, 11, "the template ends before this is closed", "an {% endif %} missing?"),
        ("a\r\n  {% endif %}", 2, 6, "there is no tag 'endif'", "there are {% if %}"),
        ("{%- if a -%}\n  b {{ c $ }}{% endif %}", 2, 10, "unexpected '$'", ""),
        ("{{ a | uper }}", 1, 8, 'there is no filter "uper"', "did you mean upper?"),
        ("{{ a | zzz }}", 1, 8, 'there is no filter "zzz"', "there are default, sama"),
        ("{{ a | default }}", 1, 8, 'the filter "default" takes one argument, in brackets', ""),
        ("{{ a | default(b='x') }}", 1, 8, 'the filter "default" takes one argument', ""),
        ("{{ a | sama('x') }}", 1, 8, 'the filter "sama" takes no arguments', ""),
        ("日本{{ 語 | }}", 1, 10, "expected token 'name', got 'end of print statement'", ""),
        ("{# never closed", 1, 3, "missing end of comment tag", ""),
    ],
)
def test_slips_are_shown_at_their_place_with_a_hint(source, line, column, message, hint):
    with pytest.raises(TemplateProblemError) as raised:
        compile_template(source)

    problem = raised.value
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message
    assert hint in problem.hint
    assert str(problem) == f"line {line}, column {column} of the template: {problem.message}"


def test_a_refused_word_is_as_wide_as_it_is_written():
    with pytest.raises(TemplateProblemError) as raised:
        compile_template("{{ a | uper }}")

    assert raised.value.width == 4


def test_a_template_says_which_names_it_reads():
    template = compile_template(
        "{{ firstName }} {{ first_name }} {% if visitCount %}{{ 好きな色 | default(vip) }}{% endif %}"
    )

    assert template.variables == {"first_name", "visit_count", "好きな色", "vip"}
    assert template.literal == "  "


@pytest.mark.parametrize(
    ("source", "without"),
    [
        ("{{ a }}", "a"),
        ("{{ a | sama }}", "a"),
        ("{{ a | default(b) }}", "b"),
        ("{{ a | sama | default('x') }}", ""),
        ("{{ a or b }}", "b"),
        ("{{ a or b or 'x' }}", ""),
        ("{{ (a or b) | default('x') }}", ""),
        ("{{ a and 'x' }}", "a"),
        ("{% if a and b > 1 %}{% endif %}", "b"),
        ("{% if a and a > 1 %}{% endif %}", ""),
        ("{% if a %}{{ a }}{{ b }}{% endif %}", "b"),
        ("{% if a is defined and b %}{{ a }}{{ b }}{% endif %}{{ a }}", "a"),
        ("{% if not a %}{{ b }}{% else %}{{ a }}{% endif %}", "b"),
        ("{% if a is undefined or not b %}x{% elif c %}{{ a }}{{ b }}{{ c }}{% endif %}", ""),
        ("{% if a > 1 %}{{ a }}{% endif %}", "a"),
        ("{{ a if a else b }}", "b"),
        ("{{ b if not a else a }}", "b"),
        ("{{ a if b }}", "a"),
        ("{{ not a }}", ""),
        ("{% if a == 1 or b %}{{ b }}{% endif %}", "ab"),
    ],
)
def test_a_template_says_which_names_it_cannot_do_without(source, without):
    needed = {mention.name for mention in compile_template(source).mentions if not mention.has_fallback}

    assert needed == set(without)


def test_each_mention_has_its_place():
    template = compile_template("Hi {{ name }}\n{{ visitCount | default(a) }}")

    assert template.mentions == (
        Mention("name", 1, 7, has_fallback=False),
        Mention("visit_count", 2, 4, has_fallback=True),
        Mention("a", 2, 25, has_fallback=False),
    )


names = st.sampled_from(["a", "b", "c"])
expressions = st.recursive(
    names | st.sampled_from(["'x'", "1"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("({0[0]} or {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} and {0[1]})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
        st.tuples(inner, inner).map("({0[0]} | default({0[1]}))".format),
        inner.map("(not {})".format),
        inner.map("({} | upper)".format),
    ),
    max_leaves=8,
)
conditions = st.tuples(expressions, expressions, expressions).map(
    "{{% if {0[0]} %}}{{{{ {0[1]} }}}}{{% else %}}{{{{ {0[2]} }}}}{{% endif %}}x".format
)


@given(expressions.map("{{{{ {} }}}}x".format) | conditions, st.sets(names))
def test_a_template_whose_missing_names_all_have_fallbacks_renders(source, missing):
    template = compile_template(source)
    needed = {mention.name for mention in template.mentions if not mention.has_fallback}
    values = {name: None if name in missing else "v" for name in "abc"}

    if not needed & missing:
        template.render(values)


def problem_of(source):
    try:
        compile_template(source)
    except TemplateProblemError as problem:
        return problem


@given(st.text(max_size=60))
def test_any_text_either_compiles_or_has_a_place(source):
    problem = problem_of(source + "{{ v }}")

    if problem:
        lines = (source + "{{ v }}").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).filter(str.strip))
def test_a_text_is_in_its_composed_form(value):
    assert unicodedata.is_normalized("NFC", rendered("e{{ v }}", v=value))


tricky = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            " ",
            "\n",
            "a",
            "if",
            "endif",
            "|",
            "'",
            "(",
            ")",
            "-",
            "1",
            "~",
            "raw",
            ".",
        ]
    ),
    max_size=25,
).map("".join)


@given(tricky)
def test_broken_templates_never_break_the_compiler(source):
    problem = problem_of(source)

    assert problem is None or problem.message

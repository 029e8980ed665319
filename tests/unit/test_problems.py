import pytest

from lumiere_sms.errors import MOST_LISTED, DefinitionError, Problem, quoted


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        pytest.param(Problem("a.csv", 0, 0, "it is empty"), "a.csv: it is empty", id="a whole file"),
        pytest.param(Problem("a.csv", 7, 0, "no phone"), "a.csv:7: no phone", id="a whole line"),
        pytest.param(
            Problem("a", 3, 5, "unknown", "try b", "    bad: 1", 3),
            "a:3:5: unknown; try b\n    3 |     bad: 1\n      |     ^^^",
            id="a word",
        ),
        pytest.param(
            Problem("a", 12, 4, "wrong", source="田中様です", width=2),
            "a:12:4: wrong\n   12 | 田中様です\n      |       ^^^^",
            id="kanji are two columns wide",
        ),
        pytest.param(
            Problem("a", 1, 3, "wrong", source="e\u0301x", width=1),
            "a:1:3: wrong\n    1 | e\u0301x\n      |  ^",
            id="a combining accent is none",
        ),
        pytest.param(
            Problem("a", 1, 2, "wrong", source="\tx", width=1), "a:1:2: wrong\n    1 | \tx\n      | \t^", id="a tab"
        ),
        pytest.param(
            Problem("a", 1, 6, "wrong", source="\x1b[31mx", width=1),
            "a:1:6: wrong\n    1 | ·[31mx\n      |      ^",
            id="what would steer a terminal",
        ),
    ],
)
def test_a_problem_is_shown_with_its_line_and_a_caret_below_the_place(problem, shown):
    assert str(problem) == shown


@pytest.mark.parametrize("column", [1, 61, 5_000, 10_000])
def test_of_a_long_line_only_what_lies_around_the_place_is_shown(column):
    source = "".join(chr(ord("a") + at % 26) for at in range(10_000))

    _, line, carets = str(Problem("a", 1, column, "wrong", source=source, width=3)).splitlines()

    assert len(line) < 140
    assert line[carets.index("^")] == source[column - 1]


def test_an_endless_word_is_underlined_as_far_as_it_is_shown():
    _, line, carets = str(Problem("a", 1, 1, "wrong", source="x" * 9_999, width=9_999)).splitlines()

    assert len(line) == len(carets) + 1 == len("    1 | ") + 121


def test_many_problems_are_counted_but_not_all_shown():
    error = DefinitionError([Problem("a.csv", line, 0, "wrong") for line in range(1, MOST_LISTED + 1_502)])

    said = str(error).splitlines()
    assert len(said) == MOST_LISTED + 2
    assert said[-2:] == ["and 1,501 more", "1,701 problems in a.csv; nothing was changed"]
    assert len(error.problems) == MOST_LISTED + 1_501


@pytest.mark.parametrize(
    ("text", "said"), [("a b", '"a b"'), ("a\n  b", '"a b"'), ("x" * 99, f'"{"x" * 59}…"'), ("a\x1bb", '"a·b"')]
)
def test_a_quotation_stays_on_one_short_line(text, said):
    assert quoted(text) == said


def test_a_problem_is_one_line_and_steers_no_terminal_whatever_a_file_says():
    hostile = "a\nb\x1b[2J\u202e\u2028\x85"

    assert str(Problem(f"{hostile}.csv", 3, 0, hostile, hint=hostile)) == ("a·b·[2J···.csv:3: a·b·[2J···; a·b·[2J···")

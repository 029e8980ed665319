import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.cli.columns import NARROWEST, Column, lay_out


def total(layout):
    return sum(layout.widths) + layout.gap * (len(layout.widths) - 1)


def test_a_table_that_fits_is_shown_whole():
    layout = lay_out([Column("name", ("田中 花子",)), Column("visits", ("12",))], room=80)

    assert (layout.shown, layout.widths, layout.gap) == ((0, 1), (9, 6), 3)


def test_a_column_without_a_value_goes_first():
    layout = lay_out([Column("name", ("Hanako",)), Column("reason", ("",)), Column("id", ("x" * 10,), True)], room=18)

    assert layout.shown == (0, 2)


def test_of_the_columns_that_may_be_left_out_the_last_goes_first():
    columns = [Column("name", ("Hanako",)), Column("visits", ("3",), True), Column("id", ("x" * 10,), True)]

    assert lay_out(columns, room=16).shown == (0, 1)


def test_lines_are_broken_between_words_and_not_inside_them():
    layout = lay_out([Column("status", ("completed",)), Column("starts", ("2026-11-23 14:37 JST",))], room=25)

    assert layout.widths == (9, 14)


def test_japanese_may_be_broken_anywhere():
    layout = lay_out([Column("status", ("completed",)), Column("text", ("次回のご来店で割引",))], room=20)

    assert layout.widths == (9, 9)


def test_a_word_is_broken_where_nothing_else_helps():
    layout = lay_out([Column("a", ("completed",)), Column("b", ("promotional",))], room=16)

    assert total(layout) == 16


texts = st.text(alphabet="ab 花\n", max_size=40)


@given(cells=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=4), room=st.integers(20, 120))
def test_a_table_is_never_wider_than_the_terminal(cells, room):
    columns = [Column("one", column, place == 2) for place, column in enumerate(zip(*cells, strict=True))]

    layout = lay_out(columns, room=room)

    assert total(layout) <= max(room, 3 * NARROWEST + 4)
    assert {0, 1} - set(layout.shown) <= {place for place in (0, 1) if not any(columns[place].cells)}


@pytest.mark.parametrize("room", [10, 1])
def test_a_terminal_too_narrow_for_anything_gets_the_narrowest_columns(room):
    columns = [Column("name", ("Hanako",)), Column("phone", ("+81········78",)), Column("x", ("yes",))]

    layout = lay_out(columns, room=room)

    assert max(layout.widths) <= max(NARROWEST, room)

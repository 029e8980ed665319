from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.messages.parts import count_parts
from lumiere_sms.planning.lengths import Values, length_of, parts_if_shorter, readers, too_many

PHONE = "+819012345678"


@given(st.text("a€{éあ😀", min_size=1, max_size=400), st.integers(1, 20))
def test_plain_characters_off_the_end_take_off_what_counting_again_says(words, characters):
    whole = words + "x" * characters

    assert parts_if_shorter(length_of(whole, PHONE), characters) == count_parts(words).parts


@given(st.integers(1, 500), st.sampled_from("aあ"), st.data())
def test_a_text_loses_a_part_at_exactly_what_is_too_many(size, letter, data):
    text = letter * size
    length = length_of(text, PHONE)
    if count_parts(text).parts == 1:
        return

    excess = too_many(length)

    assert count_parts(text[excess:]).parts == count_parts(text).parts - 1
    assert count_parts(text[excess - 1 :]).parts == count_parts(text).parts


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=12), st.integers(0, 9)), min_size=1, max_size=30))
def test_names_are_cut_where_at_least_every_second_cut_saves_a_part_and_most_are_saved(people):
    values = Values()
    for value, excess in people:
        values.lengths[len(value)] += 1
        if excess:
            values.add(value, too_many=excess, places=1)

    found = values.best_cut()

    def outcome(length):
        cut = sum(len(value) > length for value, _ in people)
        return cut, sum(bool(excess) and length <= len(value) - excess for value, excess in people)

    paying = [length for length in range(1, 13) if outcome(length)[1] and 2 * outcome(length)[1] >= outcome(length)[0]]
    most = max((outcome(length)[1] for length in paying), default=None)
    best = max((length for length in paying if outcome(length)[1] == most), default=None)
    assert found == (None if best is None else (best, outcome(best)[0]))


def test_the_longest_values_are_kept_with_how_many_people_have_them():
    values = Values()
    for value in [*("x" * length for length in range(1, 20)), "x" * 19, "x" * 2]:
        values.add(value, too_many=1, places=1)

    assert values.longest == {"x" * 19: 2, **{"x" * length: 1 for length in range(15, 19)}}
    assert list(accumulate(values.needed.values()))[-1] == 20  # one character cannot lose one


def test_values_are_read_from_columns_names_and_attributes():
    read = readers(["attributes", "first_name", "last_name"], ["name", "last_name", "favouriteColour"], first=1)
    row = ("id", {"Favourite colour": "red"}, "Hanako", "Tanaka")
    colour = readers(["attributes"], ["favourite_colour"], first=1)["favourite_colour"]

    assert {name: of(row) for name, of in read.items() if name != "favouriteColour"} == {
        "name": "Hanako Tanaka",
        "last_name": "Tanaka",
    }
    assert colour(row) == "red"

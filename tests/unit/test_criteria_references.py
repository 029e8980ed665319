import pytest

from lumiere_sms.definitions.reading import examine


@pytest.fixture
def problems(tmp_path):
    def found(text, **known):
        file = tmp_path / "campaigns.yaml"
        file.write_text(text, encoding="utf-8")
        read = examine([file], known={"template": (), "segment": (), **known})
        return [(each.line, each.column, each.message, each.hint) for each in read.problems]

    return found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "segments:\n  a: {criteria: {and: [{in_segment: regulrs}, {in_segment: regulars}]}}\n"
            "  regulars: {members: [C1]}\n",
            (2, 37, 'there is no segment "regulrs"', 'did you mean "regulars"?'),
            id="a segment that is not there",
        ),
        pytest.param(
            "segments:\n  a: {criteria: {not: {received: spring}}}\n",
            (2, 34, 'there is no campaign "spring"', "define it under campaigns:"),
            id="a campaign that never was",
        ),
        pytest.param(
            "segments:\n  a: {criteria: {replied: {campaign: sprin}}}\n"
            "campaigns:\n  spring: {message: hi, segment: a}\n",
            (2, 38, 'there is no campaign "sprin"', 'did you mean "spring"?'),
            id="a campaign inside",
        ),
        pytest.param(
            "segments:\n  a: {criteria: {in_segment: old}}\n  old: {members: [C1], is_active: false}\n",
            (2, 30, 'the segment "old" is not active', "remove its is_active: false"),
            id="one that is switched off",
        ),
        pytest.param(
            "campaigns:\n  x: {message: hi, segment: all, criteria: {inSegment: nobody}}\n",
            (2, 56, 'there is no segment "nobody"', "define it under segments:"),
            id="in a campaign's own criteria",
        ),
        pytest.param(
            "segments:\n  a: {criteria: {in_segment: b}}\n  b: {criteria: {not: {in_segment: c}}}\n"
            "  c: {criteria: {in_segment: b}}\n",
            (3, 36, 'segments in a circle: "b" → "c" → "b"', "take one of them out"),
            id="a circle",
        ),
    ],
)
def test_what_criteria_name_in_vain_is_told_at_its_place(problems, text, told):
    assert problems(text)[0] == told


def test_each_segment_of_a_circle_is_told_and_no_other(problems):
    parts = {"a": "b", "b": "c", "c": "b"}
    text = "segments:\n" + "".join(f"  {name}: {{criteria: {{in_segment: {part}}}}}\n" for name, part in parts.items())

    assert [line for line, *_ in problems(text)] == [3, 4]


def test_everybody_is_told_once_to_be_no_part_of_a_segment(problems):
    text = "segments:\n  a: {criteria: {in_segment: all}}\n"

    assert [message for _, _, message, _ in problems(text)] == ['"all" means everybody']


def test_what_exists_beside_the_files_may_be_named(problems):
    text = "segments:\n  a: {criteria: {or: [{in_segment: b}, {received: spring}]}}\n"

    assert problems(text, segment=("b",), campaign=("spring",)) == []

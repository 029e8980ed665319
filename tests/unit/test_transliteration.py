import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.messages.parts import Encoding, count_parts
from lumiere_sms.messages.transliteration import gsm7_spelling, transliterate


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("It’s “20%” off – today only…", 'It\'s "20%" off - today only...'),
        ("déjà vu, à bientôt", "déjà vu, à bientot"),
        ("café São Paulo", "café Sao Paulo"),
        ("Łódź, Žižkov, Đà Nẵng", "Lodz, Zizkov, Dà Nang"),
        ("œuvre, ĳs, Þór, ẞ", "oeuvre, ijs, Thor, SS"),
        ("ǟ", "ä"),
        ("10\u00a0000\u202f¥", "10 000 ¥"),
        ("ＳＡＬＥ　５０％！", "SALE 50%!"),
        ("￥3,000〜", "¥3,000~"),
        ("a\tb\u200bc\u2028d", "a bc\nd"),
        ("½ price™ × 2", "1/2 price(TM) x 2"),
        ("plain [text] €5", "plain [text] €5"),
    ],
)
def test_faithful_spellings(text, spelled):
    assert transliterate(text) == spelled


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("“春”の割引…", id="kanji and kana stay, and so does all around them"),
        pytest.param("カット’", id="katakana"),
        pytest.param("ｶｯﾄ’", id="half-width katakana"),
        pytest.param("Sale – 😀", id="an emoji has no spelling"),
        pytest.param("Привет – Ώ", id="other scripts have none"),
        pytest.param("…" * 70, id="three points each would make a second part"),
    ],
)
def test_a_text_that_would_gain_nothing_is_left_as_it_is(text):
    assert transliterate(text) == text


def test_kana_kanji_and_letters_of_other_scripts_have_no_spelling():
    assert {gsm7_spelling(character) for character in "あアｱー々漢。、「əж"} == {None}


@given(st.text(st.sampled_from("ab é’“–…ã€{½œ　😀あ\t") | st.characters(), max_size=250))
def test_a_transliterated_text_never_takes_more_parts(text):
    spelled = transliterate(text)

    assert count_parts(spelled).parts <= count_parts(text).parts
    assert spelled == text or count_parts(spelled).encoding is Encoding.GSM7
    assert transliterate(spelled) == spelled


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        pytest.param("1½ hours", "1 1/2 hours", id="behind a number"),
        pytest.param("2 ¾ hours", "2 3/4 hours", id="with a blank"),
        pytest.param("½ price", "1/2 price", id="alone"),
    ],
)
def test_a_fraction_stays_the_number_that_it_is(text, spelled):
    assert transliterate(text) == spelled

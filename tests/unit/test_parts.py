import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumiere_sms.messages.parts import (
    GSM7_BASIC,
    GSM7_EXTENSION,
    Encoding,
    PartCount,
    count_parts,
    forcing_characters,
)

# The alphabet once more, as 3GPP TS 23.038 prints it: by code, 0x00 to 0x7F, without 0x1B (escape).
CODES_OF_BASIC = [
    *(0x40, 0xA3, 0x24, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0x0A, 0xD8, 0xF8, 0x0D, 0xC5, 0xE5),
    *(0x0394, 0x5F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8, 0x03A3, 0x0398, 0x039E),
    *(0xC6, 0xE6, 0xDF, 0xC9),
    *(0x20, 0x21, 0x22, 0x23, 0xA4, *range(0x25, 0x40)),
    *(0xA1, *range(0x41, 0x5B), 0xC4, 0xD6, 0xD1, 0xDC, 0xA7),
    *(0xBF, *range(0x61, 0x7B), 0xE4, 0xF6, 0xF1, 0xFC, 0xE0),
]
CODES_OF_EXTENSION = [0x0C, 0x5E, 0x7B, 0x7D, 0x5C, 0x5B, 0x7E, 0x5D, 0x7C, 0x20AC]


def test_the_alphabet_is_the_standard_s():
    assert sorted(map(ord, GSM7_BASIC)) == sorted(CODES_OF_BASIC)
    assert sorted(map(ord, GSM7_EXTENSION)) == sorted(CODES_OF_EXTENSION)
    assert len(GSM7_BASIC) == len(set(GSM7_BASIC)) == 127


@pytest.mark.parametrize("character", GSM7_BASIC)
def test_each_character_of_the_alphabet_is_one_septet(character):
    assert count_parts(character) == PartCount(Encoding.GSM7, 1, 1)


@pytest.mark.parametrize("character", GSM7_EXTENSION)
def test_each_character_of_the_extension_is_two_septets(character):
    assert count_parts(character) == PartCount(Encoding.GSM7, 2, 1)


@pytest.mark.parametrize("character", "`ç’“–…\t\x1báêœ\u00a0あ漢ー、！Ａ")
def test_characters_outside_both_are_one_16_bit_unit(character):
    assert count_parts(character) == PartCount(Encoding.UCS2, 1, 1)


@pytest.mark.parametrize("character", ["😀", "𠮷", "\U0010ffff"])
def test_characters_beyond_the_first_plane_are_two_16_bit_units(character):
    assert count_parts(character) == PartCount(Encoding.UCS2, 2, 1)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        pytest.param("", "gsm7", 0, 0, id="nothing is sent as nothing"),
        pytest.param("a" * 160, "gsm7", 160, 1, id="160 septets fit alone"),
        pytest.param("a" * 161, "gsm7", 161, 2, id="161 need two of 153"),
        pytest.param("a" * 306, "gsm7", 306, 2, id="two full parts of 153"),
        pytest.param("a" * 307, "gsm7", 307, 3, id="one over two full parts"),
        pytest.param("€" * 80, "gsm7", 160, 1, id="80 escape pairs fit alone"),
        pytest.param("a" * 159 + "€", "gsm7", 161, 2, id="a pair crosses 160"),
        pytest.param("a" * 152 + "€" + "a" * 152, "gsm7", 306, 3, id="a pair moves whole to the next part"),
        pytest.param("a" * 151 + "€" + "a" * 153, "gsm7", 306, 2, id="a pair that fits stays"),
        pytest.param("€" * 153, "gsm7", 306, 3, id="76 pairs a part, a septet wasted in each"),
        pytest.param("あ" * 70, "ucs2", 70, 1, id="70 units fit alone"),
        pytest.param("あ" * 71, "ucs2", 71, 2, id="71 need two of 67"),
        pytest.param("あ" * 134, "ucs2", 134, 2, id="two full parts of 67"),
        pytest.param("あ" * 135, "ucs2", 135, 3, id="one over two full parts"),
        pytest.param("あ" * 670, "ucs2", 670, 10, id="ten parts"),
        pytest.param("😀" * 35, "ucs2", 70, 1, id="35 emoji fit alone"),
        pytest.param("😀" * 36, "ucs2", 72, 2, id="36 do not"),
        pytest.param("あ" * 66 + "😀" + "あ" * 66, "ucs2", 134, 3, id="an emoji moves whole to the next part"),
        pytest.param("あ" * 65 + "😀" + "あ" * 67, "ucs2", 134, 2, id="an emoji that fits stays"),
        pytest.param("😀" * 67, "ucs2", 134, 3, id="33 emoji a part, a unit wasted in each"),
        pytest.param("a" * 100 + "’", "ucs2", 101, 2, id="one curly quote sends all as UCS-2"),
        pytest.param("{" * 70 + "あ", "ucs2", 71, 2, id="in UCS-2 no character is extended"),
        pytest.param("\ud83d", "ucs2", 1, 1, id="half a pair counts as one"),
    ],
)
def test_counts(text, encoding, units, parts):
    assert count_parts(text) == PartCount(Encoding(encoding), units, parts)


def count_slowly(text: str) -> tuple[str, int, int]:
    """Pack character by character into parts, as a carrier would."""
    alphabet = {chr(code): 1 for code in CODES_OF_BASIC} | {chr(code): 2 for code in CODES_OF_EXTENSION}
    in_gsm7 = all(character in alphabet for character in text)
    widths = [alphabet[c] if in_gsm7 else 1 + (ord(c) > 0xFFFF) for c in text]
    alone, joined = (160, 153) if in_gsm7 else (70, 67)
    limit = alone if sum(widths) <= alone else joined
    packed: list[int] = []
    for width in widths:
        if not packed or packed[-1] + width > limit:
            packed.append(0)
        packed[-1] += width
    return ("gsm7" if in_gsm7 else "ucs2", sum(widths), len(packed))


pieces = st.sampled_from([*"aé€{😀あ’", "a" * 66, "a" * 152, "あ" * 65, "{" * 40, "😀" * 33])
texts = st.lists(pieces, max_size=40).map("".join) | st.lists(st.sampled_from("ab€|"), max_size=400).map("".join)


@given(texts | st.text(max_size=300))
@example("a" * 152 + "€" * 200)
def test_counting_agrees_with_packing_character_by_character(text):
    counted = count_parts(text)

    assert (counted.encoding, counted.units, counted.parts) == count_slowly(text)


def test_the_characters_that_force_ucs2_are_named_once_in_order():
    assert forcing_characters("It’s “20%” – it’s €5 😀") == ("’", "“", "”", "–", "😀")
    assert forcing_characters("Plain [GSM-7] text, €5") == ()

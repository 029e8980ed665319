import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumiere_sms.audience.phones import PhoneError, is_country, read_phone


def by_phonenumbers(text):
    number = phonenumbers.parse(text, "JP")
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if mobile else None


def read(text):
    try:
        return read_phone(text, country="JP")
    except PhoneError:
        return None


@pytest.mark.parametrize("prefix", ["060", "070", "080", "090"])
def test_the_quick_path_agrees_with_the_japanese_plan_for_every_block_of_numbers(prefix):
    blocks = [f"{prefix}{block:04}" for block in range(10_000)]

    wrong = [block for block in blocks[::7] if read(block + "5678") != by_phonenumbers(block + "5678")]

    assert wrong == []


@given(
    st.builds(
        "{}{}{}{}{}{}".format,
        st.sampled_from(["0", "+81", "+810", "81", ""]),
        st.sampled_from(["60", "70", "80", "90", "50", "9"]),
        st.sampled_from(["", "-", " "]),
        st.text("0123456789", min_size=3, max_size=4),
        st.sampled_from(["", "-", " "]),
        st.text("0123456789", min_size=4, max_size=5),
    )
)
def test_a_number_is_read_as_phonenumbers_reads_it(text):
    number = phonenumbers.parse(text, "JP")
    receives = phonenumbers.number_type(number) in {1, 2, 6, 7, 8}

    assert read(text) == (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if receives else None)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        pytest.param("090-1234-5678", "JP", "+819012345678", id="as people write it"),
        pytest.param("９０１２", "JP", None, id="too short"),
        pytest.param("０９０－１２３４－５６７８", "JP", "+819012345678", id="full width"),
        pytest.param("090ー1234ー5678", "JP", "+819012345678", id="long vowel marks for hyphens"),
        pytest.param("(090) 1234 5678", "JP", "+819012345678", id="parentheses and spaces"),
        pytest.param("9012345678", "JP", "+819012345678", id="the 0 that a spreadsheet ate"),
        pytest.param("+81 (0)90-1234-5678", "JP", "+819012345678", id="country and 0"),
        pytest.param("07400 123456", "GB", "+447400123456", id="a British number"),
        pytest.param("09012345678", "GB", None, id="a Japanese number is not British"),
        pytest.param("+819012345678", "GB", "+819012345678", id="with its country it is of its country"),
        pytest.param("212-555-0100", "US", "+12125550100", id="an American number tells no kind"),
        pytest.param("+15005550006", "JP", "+15005550006", id="the provider's test number"),
        pytest.param("090-1234-5678/080-1111-2222", "JP", None, id="two numbers"),
        pytest.param("090-1234-5678 (妻)", "JP", None, id="a remark"),
        pytest.param("なし", "JP", None, id="a word"),
        pytest.param("+", "JP", None, id="a plus"),
        pytest.param("---", "JP", None, id="dashes"),
    ],
)
def test_numbers_as_people_write_them(text, country, number):
    try:
        found = read_phone(text, country=country)
    except PhoneError:
        found = None

    assert found == number


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("03-1234-5678", '"03-·······78" is not a mobile number: it receives no texts', id="a fixed line"),
        pytest.param("0120-123-456", '"012·······56" is not a mobile number: it receives no texts', id="toll free"),
        pytest.param("090-1234", '"090···34" is not a phone number of JP', id="too short"),
        pytest.param("+999123456789", '"+99········89" is not a phone number', id="no such country"),
        pytest.param("+81901234567890", '"+81··········90" is not a phone number of any country', id="too long"),
        pytest.param("8.19012E+11", '"8.1······11" was rounded by a spreadsheet', id="rounded"),
    ],
)
def test_a_number_that_cannot_be_texted_says_why_and_stays_masked(text, sentence):
    with pytest.raises(PhoneError) as raised:
        read_phone(text, country="JP")

    assert str(raised.value) == sentence


def test_countries_are_known_by_their_two_letters():
    assert is_country("JP")
    assert not is_country("JAPAN")

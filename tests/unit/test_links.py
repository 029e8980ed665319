import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.messages.links import LENGTH, Link, is_token_of, read_token, token_of
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
numbers = st.integers(10**9, 10**14).map(lambda digits: f"+{digits}")
keys = st.binary(min_size=32, max_size=32)


@settings(max_examples=20)
@given(key=keys, first=st.integers(10**9, 10**12))
def test_no_two_of_many_numbers_share_a_token(key, first):
    tokens = {token_of(f"+{number}", key=key) for number in range(first, first + 2_000)}

    assert len(tokens) == 2_000


@given(number=numbers, key=keys)
def test_a_token_is_twelve_digits_of_base_62_and_says_nothing_of_the_number(number, key):
    token = token_of(number, key=key)

    assert len(token) == LENGTH
    assert set(token) <= {*string.ascii_letters, *string.digits}
    assert number[1:] not in token
    assert number[-8:] not in token


@given(number=numbers, one=keys, other=keys)
def test_a_token_is_a_keys_own(number, one, other):
    assert (token_of(number, key=one) == token_of(number, key=other)) is (one == other)
    assert token_of(number, key=one) == token_of(number, key=one)


@given(number=numbers, place=st.integers(0, LENGTH - 1), digit=st.sampled_from(string.ascii_letters + string.digits))
def test_a_token_in_which_one_digit_is_another_is_not_the_numbers(number, place, digit):
    token = token_of(number, key=KEY)
    tampered = token[:place] + digit + token[place + 1 :]

    assert is_token_of(tampered, number, key=KEY) is (tampered == token)
    assert not is_token_of(token, number, key=OTHER_KEY)


@pytest.mark.parametrize(
    ("number", "token"),
    [
        pytest.param("+819012345678", "RIzZLUpOc4H5", id="a mobile number"),
        pytest.param("+14155550100", "HqHyQGRGi2sH", id="another"),
    ],
)
def test_a_token_never_changes_since_links_that_people_have_go_on_working(number, token):
    assert token_of(number, key=OTHER_KEY) == token


@given(number=numbers, base=st.sampled_from(["https://s.example/", "https://salon.example/no/", ""]))
def test_a_token_is_read_from_its_link_whatever_stands_around(number, base):
    token = token_of(number, key=KEY)

    assert read_token(f"  {base}{token}\n") == token


@pytest.mark.parametrize("written", ["{}.", "「{}」", "({})", "{}/", "{}?fbclid=IwAR0&x=1", "{}#top", "{}/?x=1。"])
def test_a_token_is_read_from_a_link_as_people_and_apps_hand_it_on(written):
    token = token_of("+819012345678", key=KEY)

    assert read_token(written.format(f"https://s.example/{token}")) == token


@given(text=st.text())
def test_whatever_text_is_given_a_token_is_read_from_it_or_none(text):
    token = read_token(text)

    assert token is None or (len(token) == LENGTH and token in text and token.isascii())


def test_a_sample_is_as_long_as_any_link():
    link = Link("https://s.example/")

    assert len(link.sample) == len(link.base + token_of("+819012345678", key=KEY))


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        pytest.param("https://s.example/", "https://s.example/", id="as it is"),
        pytest.param(" https://s.example ", "https://s.example/", id="with the slash that it needs"),
        pytest.param("https://salon.example/no", "https://salon.example/no/", id="a folder"),
        pytest.param("https://s.example:8443/", "https://s.example:8443/", id="a port"),
    ],
)
def test_an_opt_out_address_is_kept_as_links_begin(given_, kept):
    assert TenantRules(opt_out_url=given_).opt_out_url == kept


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        pytest.param("http://s.example/", "must begin with https://", id="not encrypted"),
        pytest.param("s.example", "must begin with https://", id="no scheme"),
        pytest.param("https://s.example/?to=", "no ? and no #", id="a query"),
        pytest.param("https://s.example/#a", "no ? and no #", id="a fragment"),
        pytest.param(f"https://{'s' * 60}.example/", "may have 60", id="too long"),
        pytest.param("https://サロン.example/", "ASCII", id="letters that would force UCS-2"),
        pytest.param("https://s~.example/", "plain address", id="a character that GSM-7 counts twice"),
        pytest.param("https://user@s.example/", "plain address", id="an account"),
        pytest.param("https://", "plain address", id="nothing"),
    ],
)
def test_an_opt_out_address_that_would_not_work_is_refused(given_, why):
    with pytest.raises(ValueError, match=why.replace("?", r"\?")):
        TenantRules(opt_out_url=given_)


@pytest.mark.parametrize(
    "text", ["{{ optOutUrl | upper }}", "{{ opt_out_url | truncate(9) }}", "{{ (name or opt_out_url) | lower }}"]
)
def test_a_link_is_not_changed_by_filters(text):
    with pytest.raises(TemplateProblemError, match="leads nowhere"):
        compile_template(text)


@pytest.mark.parametrize("text", ["{{ optOutUrl }}", "{{ opt_out_url | default('STOP') }}", "{{ name | upper }}"])
def test_a_link_may_have_a_fallback(text):
    assert compile_template(text).render({"opt_out_url": "https://s.example/x", "name": "Mia"})

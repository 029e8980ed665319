from datetime import date
from decimal import Decimal

import pytest

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers import registry
from lumiere_sms.providers.prices import Price, country_of, list_price


def test_a_list_price_has_a_currency_and_a_day():
    price = list_price("twilio", "JP")

    assert price.amount > 0
    assert (price.currency, price.is_default) == ("USD", False)
    assert price.as_of >= date(2026, 11, 1)


def test_a_country_without_a_price_costs_the_default():
    price = list_price("twilio", "AQ")

    assert price.is_default
    assert price.amount >= list_price("twilio", "JP").amount


@pytest.mark.parametrize("provider", registry.BUILT_IN)
def test_each_of_our_providers_has_a_list(provider):
    assert list_price(provider, "JP").currency == "USD"


def test_the_console_costs_nothing():
    assert list_price("console", "JP").amount == 0


def test_a_provider_without_a_list_is_refused_with_the_way_to_write_one():
    with pytest.raises(ConfigurationError, match='"carrier-pigeon"') as caught:
        list_price("carrier-pigeon", "JP")

    assert "[carrier-pigeon]" in caught.value.hint


def test_an_own_file_replaces_what_it_names_and_nothing_else(tmp_path):
    file = tmp_path / "prices.toml"
    file.write_text('[twilio]\n[twilio.countries]\nJP = "0.0721"\n')

    assert list_price("twilio", "JP", override=file).amount == Decimal("0.0721")
    assert list_price("twilio", "US", override=file) == list_price("twilio", "US")
    assert list_price("console", "US", override=file) == list_price("console", "US")


def test_an_own_file_may_price_a_provider_of_its_own_in_another_currency(tmp_path):
    file = tmp_path / "prices.toml"
    file.write_text('[pigeon]\nas_of = 2026-12-01\ncurrency = "JPY"\ndefault = 8\n[pigeon.countries]\nUS = 12.5\n')

    assert list_price("pigeon", "JP", override=file) == Price(Decimal(8), "JPY", date(2026, 12, 1), is_default=True)
    assert list_price("pigeon", "US", override=file).amount == Decimal("12.5")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[twilio\n", "not TOML", id="not TOML"),
        pytest.param("twilio = 3\n", "must be a table", id="not a table"),
        pytest.param("[twilio]\ncountries = 3\n", "must be a table", id="countries not a table"),
        pytest.param("[twilio]\nJP = '0.07'\n", 'unknown key "JP"', id="a country outside its table"),
        pytest.param("[pigeon]\ndefault = '1'\n", "has no as_of", id="a new provider half described"),
        pytest.param("[twilio]\ndefault = 'cheap'\n", "must be a price", id="not a number"),
        pytest.param("[twilio]\ndefault = '-1'\n", "between 0 and 100", id="negative"),
        pytest.param("[twilio]\ndefault = '842'\n", "between 0 and 100", id="a slip of the point"),
        pytest.param("[twilio]\ndefault = 'NaN'\n", "between 0 and 100", id="not a number at all"),
        pytest.param("[twilio]\ncurrency = 'yen'\n", "three capital letters", id="no currency code"),
        pytest.param("[twilio]\nas_of = 'today'\n", "must be a day", id="no day"),
    ],
)
def test_a_broken_price_list_is_refused_with_its_place(tmp_path, text, said):
    file = tmp_path / "prices.toml"
    file.write_text(text)

    with pytest.raises(ConfigurationError, match=said) as caught:
        list_price("twilio", "JP", override=file)

    assert str(file) in str(caught.value)


def test_a_price_list_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list_price("twilio", "JP", override=tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        pytest.param("+819012345678", "JP", id="Japan"),
        pytest.param("+12125550123", "US", id="New York"),
        pytest.param("+14165550123", "CA", id="Toronto shares +1"),
        pytest.param("+447400123456", "GB", id="United Kingdom"),
        pytest.param("+447781123456", "GG", id="Guernsey shares +44"),
        pytest.param("+77012345678", "KZ", id="Kazakhstan shares +7"),
        pytest.param("+35312345678", "IE", id="three digits"),
        pytest.param("+15005550006", "US", id="a number of a shared code that belongs to nobody"),
        pytest.param("+1", "US", id="a calling code alone"),
        pytest.param("+999123", "", id="no country"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_number_tells_its_country(phone, country):
    assert country_of(phone) == country

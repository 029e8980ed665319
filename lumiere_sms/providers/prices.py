"""What a part costs, by provider and country: list prices, for plans and budgets.

prices.toml comes with the package and says of what day it is. An operator's own file replaces what it names:
a table per provider with `currency`, `default` and `as_of`, and one `countries` table below it. A country
that has no price of its own costs the provider's default.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lumiere_sms.errors import ConfigurationError

FIELDS = frozenset({"as_of", "currency", "default", "countries"})
LONGEST_CALLING_CODE = 3
LARGEST_PRICE = 100  # of one part; more is a slip of the point


@dataclass(frozen=True, slots=True)
class Price:
    """What one part costs, in `currency` (ISO 4217), by the list of `as_of`."""

    amount: Decimal
    currency: str
    as_of: date
    is_default: bool = False


#: The list price of a part to a number in E.164.
PriceOf = Callable[[str], Price]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a provider takes for a part by calling code, "81" for one; `default` for all that are not named.

    A code that several countries share (1, 7, 44) has the price of its main country.
    """

    currency: str
    default: Decimal
    by_code: Mapping[str, Decimal]


def rates_of(provider: str, *, override: Path | None = None) -> Rates | None:
    """Return a provider's prices by calling code, or None where there is no price list. Raises: ConfigurationError.

    >>> rates_of("twilio").by_code["81"]
    Decimal('0.0842')
    """
    table = _prices(override).get(provider)
    if table is None:
        return None
    main = {regions[0]: code for code, regions in _regions().items()}
    by_code = {main[country]: amount for country, amount in table["countries"].items() if country in main}
    return Rates(table["currency"], table["default"], by_code)


@lru_cache(maxsize=1024)
def list_price(provider: str, country: str, *, override: Path | None = None) -> Price:
    """Return what `provider` takes for a part to `country`. Raises: ConfigurationError.

    >>> list_price("twilio", "US").amount
    Decimal('0.0083')
    """
    table = _prices(override).get(provider)
    if table is None:
        raise ConfigurationError(
            f'there is no price list for provider "{provider}"',
            hint=f"write a table [{provider}] in LUMIERE_SMS_PRICES",
        )
    own = table["countries"].get(country)
    amount = table["default"] if own is None else own
    return Price(amount, table["currency"], table["as_of"], is_default=own is None)


def country_of(phone: str) -> str:
    """Return the country (ISO 3166) of a number in E.164, or an empty text where it has none.

    >>> country_of("+819012345678"), country_of("+14165550123"), country_of("+12125550123")
    ('JP', 'CA', 'US')
    """
    for length in range(1, LONGEST_CALLING_CODE + 1):
        if regions := _regions().get(phone[1 : 1 + length]):
            return regions[0] if len(regions) == 1 else _region_of_number(phone, regions[0])
    return ""


def calling_code(country: str) -> str:
    """Return the calling code of a country, or an empty text for none.

    >>> calling_code("JP"), calling_code("CA")
    ('81', '1')
    """
    return _codes().get(country, "")


@cache
def _codes() -> Mapping[str, str]:
    return {region: code for code, regions in _regions().items() for region in regions}


@cache
def _regions() -> Mapping[str, tuple[str, ...]]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - 20 ms that a command without phones saves

    return {str(code): tuple(regions) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}


def _region_of_number(phone: str, main: str) -> str:
    """Tell countries with one calling code apart, the United States from Canada; `main` where nothing does."""
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or main
    except phonenumbers.NumberParseException:
        return main


@lru_cache(maxsize=8)
def _prices(override: Path | None) -> Mapping[str, Mapping[str, Any]]:
    shipped = tomllib.loads(files(__package__).joinpath("prices.toml").read_text(encoding="utf-8"))
    own = _own_file(override) if override else {}
    return {name: _merged(name, shipped.get(name, {}), own.get(name, {}), override) for name in {**shipped, **own}}


def _own_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the price list {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"the price list {path} is not TOML: {error}") from error


def _merged(provider: str, shipped: Mapping[str, Any], own: Any, source: Path | None) -> Mapping[str, Any]:
    if not isinstance(own, dict) or not isinstance(own.get("countries", {}), dict):
        raise ConfigurationError(f"{source}: [{provider}] must be a table of prices")
    if unknown := own.keys() - FIELDS:
        raise ConfigurationError(
            f'{source}: unknown key "{min(unknown)}" in [{provider}]', hint=f"keys are {_listed()}"
        )
    merged = {**shipped, **own, "countries": {**shipped.get("countries", {}), **own.get("countries", {})}}
    if missing := FIELDS - merged.keys():
        raise ConfigurationError(f"{source}: [{provider}] has no {min(missing)}")
    place = f"{source or 'prices.toml'}: [{provider}]"
    return {
        "currency": _currency(merged["currency"], place),
        "as_of": _day(merged["as_of"], place),
        "default": _amount(merged["default"], f"{place} default"),
        "countries": {name: _amount(value, f"{place} {name}") for name, value in merged["countries"].items()},
    }


def _listed() -> str:
    return ", ".join(sorted(FIELDS))


def _amount(value: Any, place: str) -> Decimal:
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal(str(value))
    except InvalidOperation as error:
        raise ConfigurationError(f'{place} is "{value}"; it must be a price, as in "0.0842"') from error
    if not amount.is_finite() or not 0 <= amount < LARGEST_PRICE:
        raise ConfigurationError(f"{place} is {value}; a part costs between 0 and {LARGEST_PRICE}")
    return amount


def _currency(value: Any, place: str) -> str:
    if not isinstance(value, str) or len(value) != len("USD") or not value.isascii() or not value.isupper():
        raise ConfigurationError(f'{place} currency is "{value}"; it must be three capital letters, as in USD')
    return value


def _day(value: Any, place: str) -> date:
    if not isinstance(value, date):
        raise ConfigurationError(f'{place} as_of is "{value}"; it must be a day, as in 2026-11-01')
    return value

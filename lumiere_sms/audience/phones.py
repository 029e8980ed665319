"""Phone numbers as people write them, read into E.164 (ITU-T): `+`, the country, the number, no spaces.

phonenumbers knows every country's numbering plan. Reading one takes it 16 µs, so the commonest form, a
Japanese mobile number (060, 070, 080 and 090, then eight digits that do not begin with 0), has a path of
its own; a test holds the two together over the whole plan.
"""

import re
import unicodedata

from lumiere_sms.logs import mask_phone

SHORT = 5  # characters that identify nobody
JAPANESE_MOBILE = re.compile(r"(0|\+81)([6-9]0)-?([1-9][0-9]{3})-?([0-9]{4})", re.ASCII)
WRITTEN = re.compile(r"\+?[0-9()\[\]. /-]{3,40}", re.ASCII)
ROUNDED = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.ASCII | re.IGNORECASE)
# What stands for a hyphen in Japanese lists: hyphens, dashes, the minus, the long vowel mark, rules and waves.
DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff70\u2500\u2501\u301c~"), "-")


class PhoneError(ValueError):
    """A text that is no number that texts can be sent to; `str(error)` says why, the number masked."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_phone(text: str, *, country: str, is_texted: bool = True) -> str:
    """Return the number in E.164; one without `+` is of `country` (ISO 3166-1 alpha-2).

    >>> read_phone("090-1234-5678", country="JP")
    '+819012345678'

    Raises: PhoneError when it is no number of a country, or of a kind that receives no texts where it `is_texted`.
    """
    quick = JAPANESE_MOBILE.fullmatch(text)
    if quick and (country == "JP" or text[0] == "+"):
        return f"+81{quick[2]}{quick[3]}{quick[4]}"
    return _parsed(unicodedata.normalize("NFKC", text).translate(DASHES).strip(), country, is_texted=is_texted)


def phone_or_none(text: str, *, country: str, is_texted: bool = True) -> str | None:
    """Return the number as `read_phone` does; None for what is none."""
    try:
        return read_phone(text, country=country, is_texted=is_texted)
    except PhoneError:
        return None


def is_country(country: str) -> bool:
    """Say whether numbers of a country (ISO 3166-1 alpha-2) can be read."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - 40 ms

    return country in SUPPORTED_REGIONS


def _parsed(text: str, country: str, *, is_texted: bool) -> str:
    from phonenumbers import (  # noqa: PLC0415 - 40 ms that commands without numbers do without
        NumberParseException,
        PhoneNumberFormat,
        PhoneNumberType,
        format_number,
        number_type,
        parse,
    )

    shown = f'"{mask_phone(text[:40]) if len(text) > SHORT else text}"'
    if ROUNDED.fullmatch(text):
        raise PhoneError(f"{shown} was rounded by a spreadsheet", hint="format the column as text and export again")
    if not WRITTEN.fullmatch(text):
        raise PhoneError(f"{shown} is not a phone number")
    try:
        number = parse(text, country)
    except NumberParseException as error:
        raise PhoneError(f"{shown} is not a phone number") from error
    kind = number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        whose = "any country" if text.startswith("+") else country
        raise PhoneError(f"{shown} is not a phone number of {whose}")
    if is_texted and kind not in _textable(PhoneNumberType):
        raise PhoneError(f"{shown} is not a mobile number: it receives no texts")
    return str(format_number(number, PhoneNumberFormat.E164))


def _textable(kinds: object) -> set[int]:
    """Return the kinds of number that texts may reach; an American number does not tell a mobile from a fixed line."""
    names = ("MOBILE", "FIXED_LINE_OR_MOBILE", "VOIP", "PERSONAL_NUMBER", "PAGER")
    return {getattr(kinds, name) for name in names}

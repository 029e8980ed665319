"""Whether somebody who gets a text can answer it: that depends on what it comes from, and on their country.

A sender of letters takes no answers anywhere; in some countries a provider brings none back from numbers either. What
is known of it is data (replies.toml), with its source.
"""

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any


class SenderKind(StrEnum):
    """What a text comes from."""

    ALPHANUMERIC = "alphanumeric"
    LONG_CODE = "long_code"
    SHORT_CODE = "short_code"
    SERVICE = "service"  # several senders, from which the provider chooses
    UNKNOWN = ""


_KINDS = {
    SenderKind.SERVICE: re.compile(r"MG[0-9a-fA-F]{32}|pool-\S+|arn:\S+:pool/\S+"),
    SenderKind.LONG_CODE: re.compile(r"\+?\d{7,15}|phone-\S+|arn:\S+:phone-number/\S+"),
    SenderKind.SHORT_CODE: re.compile(r"\d{3,6}"),
    SenderKind.ALPHANUMERIC: re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}|arn:\S+:sender-id/\S+"),
}
_NO_NAME = frozenset({"", "default"})  # the provider's own choice


def kind_of_sender(sender: str) -> SenderKind:
    """Return what kind of sender it is.

    >>> [kind_of_sender(each).value for each in ("+15005550006", "70700", "SALON")]
    ['long_code', 'short_code', 'alphanumeric']
    """
    if sender in _NO_NAME:
        return SenderKind.UNKNOWN
    return next((kind for kind, form in _KINDS.items() if form.fullmatch(sender)), SenderKind.UNKNOWN)


def takes_replies(provider: str, sender: str, country: str) -> bool:
    """Say whether what people in a country (ISO 3166-1) answer comes back; where nobody knows, that it does.

    >>> takes_replies("twilio", "+15005550006", "US"), takes_replies("twilio", "+15005550006", "JP")
    (True, False)
    """
    by_country = _table().get(provider, {})
    known = by_country.get(country) or by_country.get("*")
    kind = kind_of_sender(sender)
    if known is None or not (kind or not known["takes"]):
        return True
    return kind in known["takes"]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("replies.toml").read_text(encoding="utf-8"))

"""What a text says, as far as words tell: that one may refuse, that it advertises, whither it leads. words.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lumiere_sms.messages.rules.base import Draft, Found

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}"
_LINK = re.compile(
    rf"https?://[^\s、。「」（）()<>]+|(?<![@a-z0-9_.-])(?:{_HOST})(?::\d+)?(?:/[^\s、。「」（）()<>]*)?", re.IGNORECASE
)
_IS_HOST = re.compile(rf"(?:https?://)?(?:www\.)?({_HOST})", re.IGNORECASE)
_NO_HOST = re.compile(r"\.(?:[ap]m|etc|e|g)$", re.IGNORECASE)  # "10.30 a.m", not a name
_SENTENCES = re.compile(r"(?!www\.)[^/:]*\.[A-Z][a-z]+", re.ASCII)  # "until Sun.Book now", not a name
_MAIL = re.compile(rf"[\w.+-]+@{_HOST}", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\d)(?:\+\d[\d ()-]{7,}\d|0\d{1,4}[ ()-]?\d{1,4}[ )-]?\d{3,4}|\d{3}[ -]\d{3}[ -]\d{4})(?!\d)")
_ADDRESS = re.compile(r"〒|[都道府県].{1,8}[市区町村]|[市区].{1,12}\d+(?:-\d+)+|丁目|番地")


@dataclass(frozen=True, slots=True)
class Law:
    """What a country asks of a commercial text about refusing further ones."""

    name: str
    url: str
    says: str
    blocks: bool = False
    by_link: bool = False


def says_how_to_refuse(text: str) -> bool:
    """Say whether a text tells how to refuse further ones, in any of the languages that are known.

    >>> says_how_to_refuse("停止: 080-1234-0000"), says_how_to_refuse("Reply STOP to end"), says_how_to_refuse("Hello")
    (True, True, False)
    """
    return bool(_any_of("opt_out").search(text))


def advertising_in(text: str) -> str:
    """Return the words of a text by which it is advertising, or "".

    >>> [advertising_in(text) for text in ("明日10時のご予約です。20%OFF", "Feel free to call", "お得な限定品")]
    ['20%OFF', '', 'お得, 限定']
    """
    text = unicodedata.normalize("NFKC", text)
    if found := _any_of("advertising").search(text):
        return found[0]
    perhaps = list(dict.fromkeys(found[0].casefold() for found in _any_of("perhaps_advertising").finditer(text)))
    return ", ".join(perhaps[:2]) if len(perhaps) > 1 else ""


def advertises(draft: Draft, *, why: str, hint: str) -> Iterator[Found]:
    """Yield that a text reads like advertising, to somebody, where the first such word stands, and `why` it may not."""
    if words := advertising_in(draft.text) or advertising_in(draft.template.literal):
        found = re.search(re.escape(words.partition(", ")[0]), draft.template.source, re.IGNORECASE)
        place = draft.place(found.start() if found else 0)
        yield Found(f'"{words}" {why.format(type=draft.setting.type)}', hint, place)


def leads_on(draft: Draft) -> bool:
    """Say whether a text leads to a page, whoever gets it."""
    return draft.names_opt_out_url or all(links_in(text) for text in draft.readings)


def links_in(text: str) -> list[re.Match[str]]:
    """Return where a text leads: addresses of pages, with or without https.

    >>> [found[0] for found in links_in("予約 lumiere.example/b 10.30 a.m. me@mail.example https://x.example")]
    ['lumiere.example/b', 'https://x.example']
    """
    found = _LINK.finditer(text)
    return [each for each in found if not _NO_HOST.search(each[0]) and not _SENTENCES.fullmatch(each[0])]


def shortener_of(link: str) -> str:
    """Return the public shortener that a link uses, or "".

    >>> shortener_of("https://bit.ly/3xYz"), shortener_of("lumiere.example/bit.ly")
    ('bit.ly', '')
    """
    host = _IS_HOST.match(link)
    return host[1].lower() if host and host[1].lower() in _data()["shorteners"]["hosts"] else ""


def has_contact(text: str) -> bool:
    """Say whether a telephone number or an e-mail address stands in a text."""
    return bool(_PHONE.search(text) or _MAIL.search(text))


def has_address(text: str) -> bool:
    """Say whether a Japanese postal address stands in a text."""
    return bool(_ADDRESS.search(text))


def law_of(country: str) -> Law | None:
    """Return what a country asks; None where nothing is known, or rules of their own hold (Japan)."""
    return _laws().get(country)


def countries_with_laws() -> frozenset[str]:
    """Return the countries of which something is known."""
    return frozenset(_laws())


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def _laws() -> Mapping[str, Law]:
    found: dict[str, Law] = {}
    for country, about in _data()["laws"].items():
        law = Law(**{name: value for name, value in about.items() if name != "countries"})
        found |= dict.fromkeys(about.get("countries", [country]), law)
    return found


@cache
def _any_of(section: str) -> re.Pattern[str]:
    return re.compile("|".join(each for words in _data()[section].values() for each in words), re.IGNORECASE)

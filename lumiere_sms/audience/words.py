"""The words of customer lists: names of columns, yes and no. They are data, in words.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def plain(word: str) -> str:
    """Return what stays of a word when case, width, spaces and joining signs make no difference.

    >>> plain("Phone Number"), plain("phoneNumber"), plain("ＴＥＬ")
    ('phonenumber', 'phonenumber', 'tel')
    """
    narrow = unicodedata.normalize("NFKC", word).strip()
    return (re.sub(r"[\s_・*.-]", "", narrow) or narrow).casefold()


@cache
def headers() -> Mapping[str, str]:
    """Return which column of ours each plain header names; `name` is a whole name."""
    return _by_word("headers")


@cache
def answers() -> Mapping[str, str]:
    """Return `yes` or `no` for each plain word that means it."""
    return _by_word("answers")


def _by_word(table: str) -> dict[str, str]:
    listed = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))[table]
    return {plain(word): meaning for meaning, words in listed.items() for word in words}

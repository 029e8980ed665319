"""The words of lists: names of columns, yes and no, ways to agree, reasons. They are data, in words.toml."""

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
def meanings(table: str) -> Mapping[str, str]:
    """Return what each plain word of a table of words.toml means."""
    listed = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))[table]
    return {plain(word): meaning for meaning, words in listed.items() for word in words}

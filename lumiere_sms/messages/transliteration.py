"""Spell a text in GSM-7 where that can be done faithfully, so that a curly quote does not double its price.

Japanese is left as it is: there is no GSM-7 spelling of it, and a text that stays UCS-2 anyway has
nothing to gain from plainer quotes.
"""

import re
import unicodedata
from functools import lru_cache

from lumiere_sms.messages.parts import GSM7_BASIC, GSM7_EXTENSION, count_parts, forcing_characters

_GSM7 = frozenset(GSM7_BASIC + GSM7_EXTENSION)
_MIXED_NUMBER = re.compile("(?<=[0-9])(?=[¼½¾])")
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # ！ to ～, each 0xFEE0 above its ASCII twin
_SPELLINGS = {
    **dict.fromkeys("‘’‚‛′‹›`´ʹʻʼˈ", "'"),
    **dict.fromkeys("“”„‟″«»ˮ", '"'),
    **dict.fromkeys("‐‑‒–—―−⁃•‣", "-"),
    **dict.fromkeys(
        "\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    **dict.fromkeys("\xad\u200b\u2060\ufeff", ""),
    **dict.fromkeys("\x85\u2028\u2029", "\n"),
    "…": "...",
    "‼": "!!",
    "⁄": "/",
    "∕": "/",
    "÷": "/",
    "×": "x",
    "∼": "~",
    "〜": "~",
    "∆": "Δ",
    "™": "(TM)",
    "®": "(R)",
    "©": "(C)",
    "№": "No.",
    "¼": "1/4",
    "½": "1/2",
    "¾": "3/4",
    "¦": "|",
    "￡": "£",
    "￥": "¥",
    "œ": "oe",
    "Œ": "OE",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ı": "i",
    "ħ": "h",
    "Ħ": "H",
    "ĳ": "ij",
    "Ĳ": "IJ",
    "ẞ": "SS",
}


def transliterate(text: str) -> str:
    """Return `text` in GSM-7 if every character has a faithful spelling there and it takes no more parts.

    >>> transliterate("It’s 20% off – até já…")
    "It's 20% off - até ja..."
    >>> transliterate("“春” の割引")
    '“春” の割引'
    """
    foreign = forcing_characters(text)
    if not foreign:
        return text
    spellings = {ord(character): gsm7_spelling(character) for character in foreign}
    if None in spellings.values():
        return text
    spelled = _MIXED_NUMBER.sub(" ", text).translate(spellings)  # 1½ is 1 1/2, and not 11/2
    return spelled if count_parts(spelled).parts <= count_parts(text).parts else text


@lru_cache(maxsize=4096)
def gsm7_spelling(character: str) -> str | None:
    """Return how to write a character in GSM-7: itself, a faithful spelling, or None where there is none."""
    if character in _GSM7:
        return character
    if (spelling := _SPELLINGS.get(character)) is not None:
        return spelling
    if ord(character) in _FULL_WIDTH:
        return gsm7_spelling(chr(ord(character) - 0xFEE0))
    return _without_marks(character)


def _without_marks(character: str) -> str | None:
    """Take accents off a Latin letter, the outermost first, until it is GSM-7: ǟ → ä, ế → e."""
    if not unicodedata.name(character, "").startswith("LATIN "):
        return None
    letters = unicodedata.normalize("NFD", character)
    for end in range(len(letters) - 1, 0, -1):
        if (plainer := unicodedata.normalize("NFC", letters[:end])) in _GSM7:
            return plainer
    return None

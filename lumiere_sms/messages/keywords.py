"""What an answer means: leave me alone, text me again, help, yes. Pure.

An answer means something only as a whole: words that are known for it, with courtesies around them and nothing else, in
one language or in several ("Stop. Thank you", 「配信停止お願いします」, "STOP 停止"). One that merely contains such a
word, all but spells one, or comes with a link is not guessed ("We have got to STOP this bill", "STPO"): a person looks
at it.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

LONGEST = 60  # folded characters of an answer that is read as keywords with courtesies around them
LONGEST_READ = 2_000  # characters that are looked at for words at all
REMEMBERED = 4_096  # beginnings of answers: most say the same
_LONGEST_PHRASE = 6  # words
_SHORTEST_SLIP = 4  # letters of a word that may be misspelt
_TO_KATAKANA = {point: point + 0x60 for point in range(0x3041, 0x3097)}
_ACCENTS, _PICTURES = range(0x300, 0x370), range(0xFE00, 0xFE10)  # combining marks; which picture an emoji has
_WORDS = re.compile(r"[a-z0-9]+")  # also where they run into Japanese: STOPのやり方
#: What an iPhone sends where somebody taps a heart on a text; a dislike is for a person.
_REACTION = re.compile(r"(?:Liked|Loved|Laughed at|Emphasi[sz]ed|Questioned|Reacted \S+ to) “.*”", re.DOTALL)
_LINK = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)


class Meaning(StrEnum):
    """What an answer asks for. `review`: a person has to look."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    CONFIRM = "confirm"
    OTHER = "other"
    REVIEW = "review"


class _Language(NamedTuple):
    words: dict[str, Meaning]
    alone: dict[str, Meaning]
    around: frozenset[str]
    near: tuple[str, ...]
    signs: frozenset[str]
    unless: tuple[str, ...]
    has_blanks: bool


def meaning_of(text: str) -> Meaning:
    """Return what an answer means.

    >>> [meaning_of(text).value for text in ("Stop. Thank you", "We have got to STOP this bill", "3時でお願いします")]
    ['stop', 'review', 'other']
    """
    if _REACTION.fullmatch(text.strip()):
        return Meaning.OTHER
    text = text[:LONGEST_READ]
    bare = _LINK.sub(" ", text)
    folded = fold(bare)
    meaning = _whole(folded)
    if meaning is not None:
        return meaning if bare == text else Meaning.REVIEW
    is_near = any(_is_near(folded, language) or language.signs & set(text) for language in _languages())
    return Meaning.REVIEW if is_near else Meaning.OTHER


def fold(text: str) -> str:
    """Return a text without what makes no difference: width, case, accents, punctuation, emoji, the kind of kana.

    >>> fold("ＳＴＯＰ！！"), fold("すとっぷ。"), fold("Arrêt"), fold("S.T.O.P. 🛑")
    ('stop', 'ストップ', 'arret', 'stop')
    """
    seen = "".join(each for each in text if not _is_invisible(each))
    plain = unicodedata.normalize("NFKC", seen).casefold().replace("'", "").replace("’", "").translate(_TO_KATAKANA)
    decomposed = unicodedata.normalize("NFKD", plain)
    latin = "".join(each for each in decomposed if ord(each) not in _ACCENTS)
    kept = (each if _counts(each) else " " for each in unicodedata.normalize("NFC", latin))
    units = "".join(kept).split()
    is_spelt_out = len(units) > 2 and all(len(unit) == 1 and unit.isascii() for unit in units)  # noqa: PLR2004 - "a b" is none
    return ("" if is_spelt_out else " ").join(units)


def _is_invisible(character: str) -> bool:
    """Say whether nothing is seen of a character: joiners, marks of direction, which picture an emoji has."""
    return unicodedata.category(character) == "Cf" or ord(character) in _PICTURES


def _counts(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" or character == "ー"


def _whole(folded: str) -> Meaning | None:
    """Return what an answer means that is nothing but words that mean one thing, and courtesies."""
    if not folded or len(folded) > LONGEST or _is_something_else(folded):
        return None
    units = tuple(folded.split())
    alone = {language.alone[word] for language in _languages() for word in set(units) if word in language.alone}
    if alone and len(set(units)) == 1:
        return alone.pop()
    found = {each for each in _read(units) if each != frozenset()}
    (meaning,) = next(iter(found)) if len(found) == 1 and len(next(iter(found))) == 1 else (None,)
    return meaning


def _is_something_else(folded: str) -> bool:
    """Say whether words of refusal refuse something else: an end of texts (「停止は不要です」), or a text just now."""
    return any(re.search(pattern, folded) for language in _languages() for pattern in language.unless)


@lru_cache(REMEMBERED)
def _read(units: tuple[str, ...]) -> frozenset[frozenset[Meaning]]:
    """Return what is meant by each way to take words for known ones and courtesies; nothing where there is none."""
    if not units:
        return frozenset({frozenset()})
    return frozenset(first | rest for taken, first in _beginnings(units) for rest in _read(units[taken:]))


def _beginnings(units: tuple[str, ...]) -> Iterator[tuple[int, frozenset[Meaning]]]:
    """Yield how many of the first words are a known phrase or a courtesy, and what that means."""
    for language in _languages():
        if not language.has_blanks:
            yield from ((1, meant) for meant in _run(units[0]))
            continue
        for taken in range(1, min(_LONGEST_PHRASE, len(units)) + 1):
            phrase = " ".join(units[:taken])
            if phrase in language.around:
                yield taken, frozenset()
            elif phrase in language.words:
                yield taken, frozenset({language.words[phrase]})


@lru_cache(REMEMBERED)
def _run(text: str) -> frozenset[frozenset[Meaning]]:
    """Read words that run into one another, as `_read` does."""
    if not text:
        return frozenset({frozenset()})
    found: set[frozenset[Meaning]] = set()
    for language in _languages():
        known = {**dict.fromkeys(language.around), **language.words} if not language.has_blanks else {}
        for word, meaning in known.items():
            if text.startswith(word):
                found |= {rest | ({meaning} if meaning else set()) for rest in _run(text[len(word) :])}
    return frozenset(found)


def _is_near(folded: str, language: _Language) -> bool:
    if not language.has_blanks:
        run = folded.replace(" ", "")
        return any(word in run for word in language.near)
    units = _WORDS.findall(folded)
    padded = f" {' '.join(units)} "
    if any(f" {word} " in padded for word in language.near):
        return True
    others = [unit for unit in units if unit not in language.around]
    alone = others[0] if len(others) == 1 else ""
    return len(alone) >= _SHORTEST_SLIP and any(
        _is_slip(alone, word) for word, meaning in language.words.items() if meaning is Meaning.STOP
    )


def _is_slip(given: str, word: str) -> bool:
    """Say whether one slip of the finger makes one word of the other: a letter too many, too few, wrong, or swapped."""
    if given == word or abs(len(given) - len(word)) > 1 or len(word) < _SHORTEST_SLIP:
        return False
    shorter, longer = sorted((given, word), key=len)
    if len(shorter) < len(longer):
        return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
    wrong = [place for place, (one, other) in enumerate(zip(given, word, strict=True)) if one != other]
    if len(wrong) == 1:
        return True
    first, *others = wrong
    return others == [first + 1] and given[first] == word[first + 1] and given[first + 1] == word[first]


@cache
def _languages() -> tuple[_Language, ...]:
    listed = tomllib.loads(files(__package__).joinpath("keywords.toml").read_text(encoding="utf-8"))
    return tuple(_language(name, said) for name, said in listed.items())


def _language(name: str, said: dict[str, Any]) -> _Language:
    words = {fold(word): meaning for meaning in Meaning for word in said.get(meaning.value, ())}
    has_blanks = name != "ja"
    return _Language(
        words,
        {fold(word): Meaning.STOP for word in said.get("stop_alone", ())},
        frozenset(map(fold, said["around"])),
        tuple(word for word in map(fold, [*said["stop"], *said["near"]]) if has_blanks or not word.isascii()),
        frozenset(said.get("signs", ())),
        tuple(said["unless"]),
        has_blanks,
    )

"""What a text is likely to take, and cost, before it is known who gets it."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lumiere_sms.messages.parts import PartCount, count_parts, forcing_characters
from lumiere_sms.messages.problems import RenderingError
from lumiere_sms.messages.rendering import Template
from lumiere_sms.messages.transliteration import gsm7_spelling
from lumiere_sms.messages.values import SAMPLE_VALUE, SAMPLE_VALUES, is_japanese

#: A word in Greek, Cyrillic, Thai, Hangul …; a letter of theirs in a Latin word is a slip. GSM-7 has some of the Greek.
_OTHER_SCRIPT = re.compile(r"\b(?:[\u0370-\u1cff\u2d80-\ud7fb](?<![ΔΦΓΛΩΠΨΣΘΞ])){2,}\b")
#: Where an expression ends, the filters in it, and what those take that do not take any text.
_END, _FILTER = re.compile("[}%]}"), re.compile(r"\|\s*(\w+)")
_SAMPLES_OF_FILTERS = {
    **dict.fromkeys(("yen", "number"), SAMPLE_VALUES["total_sales"]),
    **dict.fromkeys(("jdate", "date"), SAMPLE_VALUES["last_visit_date"]),
    "time": SAMPLE_VALUES["next_appointment_at"],
    "phone": SAMPLE_VALUES["phone_number"],
}


@dataclass(frozen=True, slots=True)
class Money:
    """What one part costs, or what a text does."""

    amount: Decimal
    currency: str

    def times(self, count: int) -> "Money":
        """Return the price of so many."""
        return Money(self.amount * count, self.currency)

    def __str__(self) -> str:
        """Write it with its currency: no decimals where all are zero, else two or more.

        >>> str(Money(Decimal("84.2000"), "USD")), str(Money(Decimal("8000.00"), "JPY"))
        ('84.20 USD', '8,000 JPY')
        """
        decimals = -int(self.amount.normalize().as_tuple().exponent)
        return f"{self.amount:,.{max(2, decimals) if decimals > 0 else 0}f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Forced:
    """The characters that force UCS-2, and the parts without them.

    `spelled` says whether transliteration takes care of all of them. Empty for a text in Japanese, Korean, Russian …:
    UCS-2 is what its language needs.
    """

    characters: tuple[str, ...] = ()
    parts_without: int = 0
    spelled: bool = False


def sample_values(template: Template) -> dict[str, Any]:
    """Return a value for every name that a template reads: of those that nobody knows, one that their filters take."""
    lines = template.source.split("\n")
    found: dict[str, Any] = {}
    for mention in template.mentions:
        stands_in, *_ = _END.split(lines[mention.line - 1][mention.column - 1 :], maxsplit=1)
        filters = _FILTER.findall(stands_in)
        sample = next((_SAMPLES_OF_FILTERS[name] for name in filters if name in _SAMPLES_OF_FILTERS), None)
        if found.get(mention.name) is None:
            found[mention.name] = SAMPLE_VALUES.get(mention.name, sample)
    return {name: SAMPLE_VALUE if value is None else value for name, value in found.items()}


def sample_text(template: Template, *, transliterate: bool = False) -> str:
    """Fill a template in with samples; its literal text where they do not suit it."""
    try:
        return template.render(sample_values(template), transliterate=transliterate)
    except RenderingError:
        return unicodedata.normalize("NFC", template.literal).rstrip()


def estimate(template: Template, *, transliterate: bool = False) -> tuple[int, PartCount]:
    """Return about how many characters, units and parts a template's texts have."""
    text = sample_text(template, transliterate=transliterate)
    return len(text), count_parts(text)


def what_forces_ucs2(text: str) -> Forced:
    """Return what would make `text` fit GSM-7 if it were not there, or spelled otherwise."""
    characters = forcing_characters(text)
    if not characters or is_japanese(text) or _OTHER_SCRIPT.search(text):
        return Forced()
    spellings = {ord(character): gsm7_spelling(character) or "" for character in characters}
    return Forced(
        characters,
        parts_without=count_parts(text.translate(spellings)).parts,
        spelled=all(gsm7_spelling(character) is not None for character in characters),
    )

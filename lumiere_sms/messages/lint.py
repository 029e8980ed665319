"""What is wrong with a template, or dearer than it need be, told before anybody gets it.

T00  the template is not understood                                    blocking
T01  nothing gives a variable its value                                blocking, unless a fallback is written
T02  a variable is declared and not used
T03  a character forces UCS-2, and with it more parts
T04  the text takes more than one part
T05  a customer may have no such value, and no fallback is written
T06  a name stands in single braces: it would be sent as it stands
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from unicodedata import name as name_of

from lumiere_sms.messages.estimates import Money, sample_text, what_forces_ucs2
from lumiere_sms.messages.grammar import place_of
from lumiere_sms.messages.parts import Encoding, count_parts
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import Template, compile_template
from lumiere_sms.messages.values import ALWAYS_PRESENT, snake_case

_TEXTS = 1_000  # how many a cost is told for
_SINGLE_BRACES = re.compile(r"(?<![{%#\w])\{\s*([^\W\d]\w*)\s*\}(?!\})")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` and `column` count from 1 within the template; a blocking one stops `apply`."""

    rule: str
    message: str
    hint: str
    character: str | None
    line: int
    column: int
    blocking: bool


def lint_template(
    content: str,
    *,
    declared: Sequence[str],
    known: Collection[str],
    transliterate: bool,
    price: Money | None = None,
) -> list[Finding]:
    """Return what is to mend in a template, in the order of the rules.

    `declared` are the variables its definition lists, `known` those that every text has (customers'
    fields and attributes). With the `price` of a part, findings say what a thousand texts cost.
    """
    try:
        template = compile_template(content)
    except TemplateProblemError as problem:
        return [Finding("T00", problem.message, problem.hint, None, problem.line, problem.column, blocking=True)]
    names = [snake_case(name) for name in declared]
    return [
        *_without_value(template, {*names, *known}),
        *_unused(template, names),
        *_dear(template, transliterate=transliterate, price=price),
        *_without_fallback(template, known),
        *_in_single_braces(template.source),
    ]


def _without_value(template: Template, given: Collection[str]) -> Iterator[Finding]:
    for mention in template.mentions:
        if mention.name not in given:
            guess = get_close_matches(mention.name, given, n=1)
            hint = (
                f"did you mean {guess[0]}?"
                if guess
                else "declare it under `variables`, or give customers the attribute"
            )
            message = f'nothing gives "{mention.name}" its value'
            blocking = not mention.has_fallback
            yield Finding("T01", message, hint, None, mention.line, mention.column, blocking=blocking)


def _unused(template: Template, names: Sequence[str]) -> Iterator[Finding]:
    for name in dict.fromkeys(names):
        if name not in template.variables:
            message = f'"{name}" is declared and not used'
            yield Finding("T02", message, "take it off `variables`, or use it", None, 1, 1, blocking=False)


def _dear(template: Template, *, transliterate: bool, price: Money | None) -> Iterator[Finding]:
    text = sample_text(template, transliterate=transliterate)
    count = count_parts(text)
    forced = what_forces_ucs2(text)
    for character in forced.characters:
        message = f"{_called(character)} forces UCS-2: {_against(count.parts, forced.parts_without)}"
        message += _cost_of(count.parts - forced.parts_without, price)
        hint = "set transliterate: true, or write it in plain letters" if forced.spelled else "leave it out"
        line, column = place_of(template.source, max(0, template.source.find(character)))
        yield Finding("T03", message, hint, character, line, column, blocking=False)
    if count.parts > 1:
        limit = 160 if count.encoding is Encoding.GSM7 else 70
        message = f"about {_parts(count.parts)}: {count.units} of {limit} units that fit one"
        message += _cost_of(count.parts - 1, price)
        yield Finding("T04", message, f"{count.units - limit} fewer make it one", None, 1, 1, blocking=False)


def _without_fallback(template: Template, known: Collection[str]) -> Iterator[Finding]:
    for mention in template.mentions:
        if mention.name in known and mention.name not in ALWAYS_PRESENT and not mention.has_fallback:
            message = f'a customer without "{mention.name}" gets no text'
            hint = f"write {{{{ {mention.name} | default('…') }}}}"
            yield Finding("T05", message, hint, None, mention.line, mention.column, blocking=False)


def _in_single_braces(source: str) -> Iterator[Finding]:
    for found in _SINGLE_BRACES.finditer(source):
        line, column = place_of(source, found.start())
        message = f"{found[0]} is sent as it stands"
        yield Finding("T06", message, f"write {{{{ {found[1]} }}}}", None, line, column, blocking=False)


def _called(character: str) -> str:
    shown = f'"{character}"' if character.isprintable() and not character.isspace() else "a character"
    return f"{shown} (U+{ord(character):04X} {name_of(character, 'without a name').lower()})"


def _against(parts: int, without: int) -> str:
    if parts == without:
        return "70 characters fit one part, not 160"
    return f"{_parts(parts)}, {without} without"


def _parts(count: int) -> str:
    return "1 part" if count == 1 else f"{count} parts"


def _cost_of(parts: int, price: Money | None) -> str:
    if price is None or parts <= 0:
        return ""
    return f"; {_TEXTS:,} texts cost {price.times(parts * _TEXTS)} more"

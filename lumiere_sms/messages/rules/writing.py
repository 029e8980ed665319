"""Whether a template can be filled in for everybody who gets it: its variables, and what looks like one."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from lumiere_sms.messages.rules.base import Draft, Example, Found, Rule, Source
from lumiere_sms.messages.values import ALWAYS_PRESENT, LINK

_GUIDE = Source(
    "lumiere-sms guide messages: names and fallbacks", "https://jinja.palletsprojects.com/en/stable/templates/"
)
_SINGLE_BRACES = re.compile(r"(?<![{%#\w])\{\s*([^\W\d]\w*)\s*\}(?!\})")


_UNKNOWN = "declare it under `variables`, or give customers the attribute"
_NO_ADDRESS = "this business has no opt-out address: lumiere-sms tenant set --opt-out-url https://…/"


def _not_understood(_: Draft) -> Iterator[Found]:
    """Find nothing: what is not understood is never a draft."""
    yield from ()


def _without_value(draft: Draft) -> Iterator[Found]:
    given = {*draft.names, *draft.known}
    for mention in draft.template.mentions:
        if mention.name not in given:
            guess = get_close_matches(mention.name, given, n=1)
            hint = f"did you mean {guess[0]}?" if guess else _UNKNOWN
            hint = _NO_ADDRESS if mention.name == LINK else hint
            message, place = f'nothing gives "{mention.name}" its value', (mention.line, mention.column)
            yield Found(message, hint, place, blocking=not mention.has_fallback)


def _unused(draft: Draft) -> Iterator[Found]:
    for name in dict.fromkeys(draft.names):
        if name not in draft.template.variables:
            yield Found(f'"{name}" is declared and not used', "take it off `variables`, or use it")


def _without_fallback(draft: Draft) -> Iterator[Found]:
    for mention in draft.template.mentions:
        if mention.name in draft.known and mention.name not in ALWAYS_PRESENT and not mention.has_fallback:
            message = f'a customer without "{mention.name}" gets no text'
            hint = f"write {{{{ {mention.name} | default('…') }}}}"
            yield Found(message, hint, (mention.line, mention.column))


def _in_single_braces(draft: Draft) -> Iterator[Found]:
    for found in _SINGLE_BRACES.finditer(draft.template.source):
        message = f"{found[0]} is sent as it stands"
        yield Found(message, f"write {{{{ {found[1]} }}}}", draft.place(found.start()))


RULES = (
    Rule(
        id="T00",
        title="The template is not understood",
        sentence="No text can be made of it.",
        sources=(_GUIDE,),
        mend="Mend it at the place that is named.",
        fails=Example("Hi {{ first name }}"),
        passes=Example("Hi {{ name | default('you') }}"),
        check=_not_understood,
        blocks="always",
        is_liftable=False,
    ),
    Rule(
        id="T01",
        title="Nothing gives a variable its value",
        sentence="Neither the campaign nor any customer has it, so nobody would get a text.",
        sources=(_GUIDE,),
        mend="Declare it under `variables` and give it a value, or mend its name.",
        fails=Example("{{ coupon }}"),
        passes=Example("{{ visit_count }}"),
        check=_without_value,
        blocks="no fallback is written",
        is_liftable=False,
    ),
    Rule(
        id="T02",
        title="A variable is declared and not used",
        sentence="Either the text lost something, or the list has one too many.",
        sources=(_GUIDE,),
        mend="Use it, or take it off `variables`.",
        fails=Example("Hello", declared=("coupon",)),
        passes=Example("{{ coupon }}", declared=("coupon",)),
        check=_unused,
    ),
    Rule(
        id="T05",
        title="A variable may be empty, and no fallback is written",
        sentence="A customer who lacks the value gets no text, and is counted under missing_value.",
        sources=(_GUIDE,),
        mend="Write what stands for it: {{ first_name | default('dear guest') }}.",
        fails=Example("{{ first_name }}"),
        passes=Example("{{ first_name | default('you') }}"),
        check=_without_fallback,
    ),
    Rule(
        id="T06",
        title="A name stands in single braces",
        sentence="It is sent as it stands: everybody would read {first_name}.",
        sources=(_GUIDE,),
        mend="Write it in double braces.",
        fails=Example("Hi {first_name}"),
        passes=Example("Hi {{ visit_count }} {x y}"),
        check=_in_single_braces,
    ),
)

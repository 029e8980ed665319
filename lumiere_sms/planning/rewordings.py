"""Other ways to write a template that may cost less: each a whole template of its own. How much is counted elsewhere.

A name is shortened only where it is shown by itself (`{{ last_name | sama }}`), never where a condition reads it. An
attribute may be a number, a code or an address: that it is long is told, to cut it is left to whoever knows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lumiere_sms.messages.estimates import what_forces_ucs2
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import Template, compile_template
from lumiere_sms.messages.values import is_japanese

#: What may be cut short without saying something else.
NAMES = ("first_name", "last_name", "name")
#: What stands for the whole name where the last one does; who has no last name keeps the first.
LAST_NAME = "last_name | default(first_name)"
_WORD = re.compile(r"\w+")
_OPENED = re.compile(r"\{\{[-+]?\s*$")
_SHOWN = re.compile(r"\w+\s*(\||[-+]?\}\}|or\b)")


@dataclass(frozen=True, slots=True)
class Rewording:
    """A template that says the same for less: in words, what to write, and how it reads then."""

    kind: str
    says: str
    write: str
    template: Template
    transliterate: bool


def places_shown(template: Template) -> Counter[str]:
    """Count the places where a template shows a variable by itself, by name."""
    return Counter(name for name, _ in _shown(template))


def plainer(template: Template, *, transliterate: bool) -> Iterator[Rewording]:
    """Yield how the same is said in GSM-7. A text in Japanese has no such spelling."""
    if not transliterate and not is_japanese(template.literal):
        says = "write it in GSM-7 where that is faithful"
        yield Rewording("transliterate", says, "transliterate: true", template, transliterate=True)
    if without := _without_foreign(template):
        characters, made = without
        named = " ".join(repr(each)[1:-1] for each in characters)
        forces = "forces" if len(characters) == 1 else "force"
        says = f"leave out {named}: {forces} UCS-2"
        yield Rewording("leave_out", says, f"the text without {named}", made, transliterate)


def with_shorter_names(
    template: Template, *, transliterate: bool, cut: Mapping[str, tuple[int, int]]
) -> Iterator[Rewording]:
    """Yield how names are said for less. `cut` are names with the length to cut at, and how many values are longer."""
    if "name" in cut and (made := _reworded(template, "name", LAST_NAME)):
        write = f"{{{{ {LAST_NAME} }}}}"
        yield Rewording("last_name", "say the last name in place of the whole one", write, made, transliterate)
    for name, (length, people) in cut.items():
        write = f"{name} | truncate({length})"
        if made := _reworded(template, name, write):
            says = f"cut {name} at {length} characters: {people:,} {'is' if people == 1 else 'are'} longer"
            yield Rewording("truncate", says, f"{{{{ {write} }}}}", made, transliterate)


def _without_foreign(template: Template) -> tuple[tuple[str, ...], Template] | None:
    """Take the characters out that alone make the text's own words UCS-2; of Japanese there are none."""
    characters = what_forces_ucs2(template.literal).characters
    made = _compiled(template.source.translate(dict.fromkeys(map(ord, characters))), template) if characters else None
    return (characters, made) if made and made.literal.strip() else None


def _reworded(template: Template, name: str, expression: str) -> Template | None:
    source = template.source
    for shown, offset in reversed(list(_shown(template))):
        if shown == name:
            word = _WORD.match(source, offset)
            source = source[:offset] + expression + source[word.end() if word else offset :]
    return _compiled(source, template) if source != template.source else None


def _compiled(source: str, template: Template) -> Template | None:
    """Compile another wording; None for one that is no template, or reads what this one does not."""
    try:
        made = compile_template(source, name=template.name)
    except TemplateProblemError:
        return None
    read = template.variables | ({"first_name", "last_name"} if "name" in template.variables else set())
    return made if made.variables <= read else None


def _shown(template: Template) -> Iterator[tuple[str, int]]:
    """Yield each name that is shown by itself, and where it stands in the source."""
    source, begins = template.source, [0]
    begins += [found.end() for found in re.finditer("\n", source)]
    for mention in template.mentions:
        offset = begins[mention.line - 1] + mention.column - 1
        if _OPENED.search(source, 0, offset) and _SHOWN.match(source, offset):
            yield mention.name, offset

"""How many parts a text takes, and what makes it take more."""

from collections.abc import Iterator
from unicodedata import name as name_of

from lumiere_sms.messages.estimates import Money, what_forces_ucs2
from lumiere_sms.messages.parts import ALONE, count_parts
from lumiere_sms.messages.rules.base import MOST_PARTS, Draft, Example, Found, Rule, Setting, Source

_TEXTS = 1_000  # how many a cost is told for
_GSM7 = Source(
    "3GPP TS 23.038, 6.2.1: the alphabet of a text",
    "https://www.3gpp.org/DynaReport/23038.htm",
)
_PARTS = Source("3GPP TS 23.040, 9.2.3.24.1: texts of several parts", "https://www.3gpp.org/DynaReport/23040.htm")


def _forcing(draft: Draft) -> Iterator[Found]:
    count, forced = count_parts(draft.text), what_forces_ucs2(draft.text)
    for character in forced.characters:
        message = f"{_called(character)} forces UCS-2: {_against(count.parts, forced.parts_without)}"
        message += _cost_of(count.parts - forced.parts_without, draft.price)
        hint = "set transliterate: true, or write it in plain letters" if forced.spelled else "leave it out"
        yield Found(message, hint, draft.place(draft.template.source.find(character)), character)


def _several(draft: Draft) -> Iterator[Found]:
    count = count_parts(draft.text)
    if count.parts > 1:
        limit = ALONE[count.encoding]
        message = f"about {_parts(count.parts)}: {count.units} of {limit} units that fit one"
        message += _cost_of(count.parts - 1, draft.price)
        yield Found(message, f"{count.units - limit} fewer make it one")


def _too_many(draft: Draft) -> Iterator[Found]:
    own, usual = draft.setting.max_parts, count_parts(draft.text).parts
    limit, most = own or MOST_PARTS, max(usual, draft.setting.most_parts or 0)
    if most > limit:
        whose = "your limit is" if own else "more than"
        message = f"{_parts(most)}{'' if usual > limit else ' for somebody'}: {whose} {limit}"
        yield Found(message, "write less, or link to the rest", blocking=own is not None and usual > limit)


def _longer_for_some(draft: Draft) -> Iterator[Found]:
    most, usual = draft.setting.most_parts or 0, count_parts(draft.text).parts
    if most > usual and draft.template.variables:
        message = f"long values make it {_parts(most)} for somebody, {usual} with usual ones"
        message += _cost_of(most - usual, draft.price)
        yield Found(message, "cut long values: {{ last_name | truncate(12) }}")


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


RULES = (
    Rule(
        id="T03",
        title="A character makes it dearer",
        sentence="One character outside GSM-7 sends the whole text as UCS-2, where 70 characters fit a part, not 160.",
        sources=(_GSM7,),
        mend="Set transliterate: true, write it in plain letters, or leave it out.",
        fails=Example("It’s today"),
        passes=Example("It's today"),
        check=_forcing,
    ),
    Rule(
        id="T04",
        title="It takes more than one part",
        sentence="Each part is paid for.",
        sources=(_PARTS,),
        mend="Write less.",
        fails=Example("Your next appointment is coming up. " * 5),
        passes=Example("Your next appointment is coming up. " * 4),
        check=_several,
    ),
    Rule(
        id="U05",
        title="It takes too many parts",
        sentence=f"More than {MOST_PARTS} parts are rarely read, dear, and cut apart by some phones; or more than your "
        "own limit (lumiere-sms tenant set --max-parts).",
        sources=(_PARTS,),
        mend="Write less, or link to the rest.",
        fails=Example("ご予約の日が近づいてまいりました。" * 13),
        passes=Example("ご予約の日が近づいてまいりました。" * 11),
        check=_too_many,
        blocks="the limit is your own",
    ),
    Rule(
        id="U09",
        title="Long values make it longer",
        sentence="A part more for few people is seen on the bill only. Looked at in a plan, over the real audience.",
        sources=(_PARTS,),
        mend="Cut long values with truncate, or leave a margin; `template preview --segment … --worst` shows the text.",
        fails=Example("{{ last_name | default('dear guest') }}, see you!", Setting(most_parts=2)),
        passes=Example("{{ last_name | default('dear guest') }}, see you!", Setting(most_parts=1)),
        check=_longer_for_some,
    ),
)

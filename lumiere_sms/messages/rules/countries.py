"""Other countries: what their law or their carriers ask of a commercial text about refusing, and about consent.

Only what a text can show is looked at; whether consent was given, and is kept, is the business of other parts.
"""

from collections.abc import Iterator
from functools import partial

from lumiere_sms.messages.rules.base import ADVERTISING, Draft, Example, Found, Rule, Setting, Source
from lumiere_sms.messages.rules.words import advertises, countries_with_laws, law_of, leads_on, says_how_to_refuse

_COUNTRIES = countries_with_laws()
_NAMED = ("US", "CA", "GB", "AU", "NZ", "FR", "DE", "IE")  # IE stands for those that the directive alone is known of


def _refusing(draft: Draft) -> Iterator[Found]:
    law = law_of(draft.setting.country)
    if law is None or all(says_how_to_refuse(text) for text in draft.readings):
        return
    has_own_link = draft.names_opt_out_url
    hint = "write Stop: before the link" if has_own_link else "write how, such as: Reply STOP to opt out"
    message = f"it does not say how to refuse further texts ({law.name.partition(';')[0]})"
    yield Found(message, hint, blocking=law.blocks and not has_own_link and not (law.by_link and leads_on(draft)))


def _sources() -> tuple[Source, ...]:
    laws = [law for country in _NAMED if (law := law_of(country))]
    return tuple(
        Source(f"{country}: {law.name}. {law.says}", law.url) for country, law in zip(_NAMED, laws, strict=True)
    )


RULES = (
    Rule(
        id="U04",
        title="It does not say how to refuse, by its country's law",
        sentence="Most countries ask that a commercial text says how to refuse further ones, or names an address for "
        "it. The country is the tenant's. For Japan see JP02.",
        sources=_sources(),
        mend="Write how: Reply STOP to opt out; STOP: {{ opt_out_url }}.",
        fails=Example("New colours are in. Book today!", Setting("promotional", "AU")),
        passes=Example("New colours are in. Book today! Reply STOP to opt out", Setting("promotional", "AU")),
        check=_refusing,
        types=ADVERTISING,
        countries=_COUNTRIES,
        blocks="the law asks it of the text itself: in Australia, New Zealand, and Canada if no link is there",
    ),
    Rule(
        id="U10",
        title="Advertising under a type that asks for no consent to it",
        sentence="Nearly everywhere advertising by text needs consent beforehand, whatever the campaign is called. "
        "Judged by words, so it may be wrong. For Japan see JP04 and JP05.",
        sources=(
            Source("US: 47 CFR 64.1200(a)(2)", "https://www.ecfr.gov/current/title-47/section-64.1200"),
            Source("EU: Directive 2002/58/EC, art. 13(1)", "https://eur-lex.europa.eu/eli/dir/2002/58/oj"),
            Source("GB: PECR 2003, reg. 22", "https://www.legislation.gov.uk/uksi/2003/2426/regulation/22"),
        ),
        mend="Make it type: promotional, which leaves out who did not agree.",
        fails=Example("See you tomorrow at 10. Get 20% off your next colour!", Setting("reminder", "US")),
        passes=Example("See you tomorrow at 10.", Setting("reminder", "US")),
        check=partial(
            advertises,
            why="reads like advertising; a {type} asks for no consent to that",
            hint="make it type: promotional, or leave the offer out",
        ),
        types=frozenset({"blast", "reminder"}),
        countries=_COUNTRIES,
    ),
)

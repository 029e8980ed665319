"""What a rule is, what it looks at, and what it says."""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lumiere_sms.messages.estimates import Money, sample_text, sample_values
from lumiere_sms.messages.grammar import place_of
from lumiere_sms.messages.problems import RenderingError
from lumiere_sms.messages.rendering import Template
from lumiere_sms.messages.values import ALWAYS_PRESENT, LINK, SAMPLE_VALUES

MOST_PARTS = 3  # of a text, where the tenant sets no limit of its own
ADVERTISING = frozenset({"promotional", "drip"})  # the types whose people agreed to advertising
_NEWCOMER: Mapping[str, Any] = {"visit_count": 0, "total_sales": 0, "tags": []}  # who has nothing else either


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a text's use.

    `type` is the campaign's (empty: unknown), `country` whose law holds (ISO 3166-1), `legal_name` what the business is
    called in law, `name` as its customers know it, `values` the campaign's variables. `max_parts` is the tenant's own
    limit, if it has one; `most_parts` what the dearest text of the real audience takes, where somebody has looked.
    """

    type: str = ""
    country: str = ""
    legal_name: str = ""
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    max_parts: int | None = None
    most_parts: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text to judge. `text` is what it says with samples; `bare` what it says to whom nothing is known of, if it can.

    `names` are the variables that its definition lists, `known` those that every text has.
    """

    template: Template
    setting: Setting
    names: Sequence[str]
    known: Collection[str]
    transliterate: bool
    price: Money | None
    text: str
    bare: str | None

    @classmethod
    def of(
        cls,
        template: Template,
        setting: Setting,
        *,
        names: Sequence[str],
        known: Collection[str],
        transliterate: bool = False,
        price: Money | None = None,
    ) -> "Draft":
        """Fill a template in twice: with samples, and with nothing but what the campaign itself gives."""
        own = {name: value for name, value in _own_values(setting).items() if name in template.variables}
        text = _rendered(template, sample_values(template) | own, transliterate=transliterate)
        if text is None:
            text = sample_text(template, transliterate=transliterate)
        there = {*known, *names}
        bare = _rendered(template, _without_people(template, there) | own, transliterate=transliterate)
        return cls(template, setting, names, known, transliterate, price, text, bare)

    @property
    def readings(self) -> tuple[str, ...]:
        """What it says to different people, in one width; what must be there must be in each of them.

        What the recipient's own link for refusing is called there, says nothing.
        """
        sample = SAMPLE_VALUES[LINK]
        own = str(self.setting.values.get(LINK) or sample)
        said = (each.replace(own, sample) for each in (self.text, self.bare) if each is not None)
        return tuple(unicodedata.normalize("NFKC", each) for each in said)

    @property
    def names_opt_out_url(self) -> bool:
        """Whether the recipient's own link for refusing stands in it, whoever gets it."""
        is_known = LINK in self.template.variables and LINK in {*self.known, *self.names}
        return is_known and all(SAMPLE_VALUES[LINK] in each for each in self.readings)

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset of its source."""
        return place_of(self.template.source, max(0, offset))


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule says of a draft; without a `place` (line and column, from 1) it is about the text as a whole."""

    message: str
    hint: str
    place: tuple[int, int] = (1, 1)
    character: str | None = None
    blocking: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from: a law's article or a page, and its address."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Example:
    """A text, and what differs from a campaign of no type in no country; `declared` are its variables."""

    text: str
    setting: Setting = field(default_factory=Setting)
    declared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong with a text.

    `sentence` says why it matters, `mend` what to do, `blocks` when it stops `apply` (empty: never). It is asked for
    texts of `types` and `countries`, for all where None. `is_liftable`: an operator may override it, with a reason.
    """

    id: str
    title: str
    sentence: str
    sources: tuple[Source, ...]
    mend: str
    fails: Example
    passes: Example
    check: Callable[[Draft], Iterator[Found]]
    types: frozenset[str] | None = None
    countries: frozenset[str] | None = None
    blocks: str = ""
    is_liftable: bool = True

    def applies(self, setting: Setting) -> bool:
        """Say whether the rule has anything to say in this setting."""
        of_type = self.types is None or setting.type in self.types
        return of_type and (self.countries is None or setting.country in self.countries)


def _own_values(setting: Setting) -> dict[str, Any]:
    from_tenant = {"sender_name": setting.name} if setting.name else {}
    return {**from_tenant, **{name: value for name, value in setting.values.items() if value not in (None, "")}}


def _without_people(template: Template, there: Collection[str]) -> dict[str, Any]:
    """Return samples for what must have a value, or always has, nothing for what may lack one."""
    needed = {mention.name for mention in template.mentions if not mention.has_fallback} | ALWAYS_PRESENT & {*there}
    return {name: value for name, value in {**sample_values(template), **_NEWCOMER}.items() if name in needed}


def _rendered(template: Template, values: Mapping[str, Any], *, transliterate: bool) -> str | None:
    try:
        return template.render(values, transliterate=transliterate)
    except RenderingError:
        return None

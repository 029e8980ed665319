"""How many parts a template takes over a real audience, and what would make it fewer, with true figures.

People are rendered by what a launch renders with, streamed, and each rewording is written for all whose text takes more
than one part: so what a proposal promises is a count, no estimate, and memory does not grow with the audience. Where
names are to be shortened, people are read a second time, since only who has seen all names knows how far.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from lumiere_sms.campaigns.freezing import Frozen, Person, Prices, Recipe, Row, Tally, audience_batches, freeze
from lumiere_sms.campaigns.texts import Wording
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.templates import find_template
from lumiere_sms.messages.values import snake_case
from lumiere_sms.planning.lengths import Length, Reader, Values, length_of, parts_if_shorter, readers, too_many
from lumiere_sms.planning.previews import readers_of, recipe_of
from lumiere_sms.planning.rewordings import NAMES, Rewording, places_shown, plainer, with_shorter_names

MOST_CHARACTERS = 20  # who takes off more writes another text


@dataclass(frozen=True, slots=True)
class Bar:
    """How many people's texts are in an encoding and take so many parts."""

    encoding: str
    parts: int
    people: int


@dataclass(frozen=True, slots=True)
class Decisive:
    """A variable whose length decides for so many people: a shorter value, and their text took a part less."""

    variable: str
    people: int
    longest: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change, in words and as it is written, and what it saves: parts and money of this audience."""

    kind: str
    says: str
    write: str | None
    parts: int
    saved: Money


@dataclass(frozen=True, slots=True)
class PartsReport:
    """A template over an audience. `shorter` says what 1, 2, … characters less save; `proposals` save most first."""

    matched: int
    exclusions: Mapping[str, int]
    recipients: int
    parts: int
    cost: Money | None
    histogram: tuple[Bar, ...] = ()
    decisive: tuple[Decisive, ...] = ()
    shorter: tuple[Proposal, ...] = ()
    proposals: tuple[Proposal, ...] = ()


def parts_of(  # noqa: PLR0913 - what it is measured for, by name
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    segment: str,
    variables: Mapping[str, Any],
    prices: Prices,
    now: datetime,
    progress: Callable[[int], None],
    type_: str | None = None,
    transliterate: bool = False,
) -> PartsReport:
    """Measure a template over a segment, and what would make it cheaper; `progress` is told how many were seen.

    Without a type it is measured as for a campaign of the template's category.

    Raises: StateError when template or segment are not there.
    """
    stored = find_template(database, tenant.id, name=name)
    stored = replace(stored, transliterate=transliterate or stored.transliterate)
    recipe = recipe_of(tenant, stored, variables=variables, now=now)
    with database.transaction(read_only=True) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # both times the same people
        query = readers_of(connection, tenant, stored, segment=segment, now=now, type_=type_)
        measure = _Measure.of(recipe, prices)
        for batch in _rows(connection, query, recipe, progress):
            measure.take(batch)
        if shorter := measure.shorter_names():
            for batch in _rows(connection, query, recipe, lambda seen: progress(seen + measure.tally.matched)):
                measure.try_out(shorter, batch)
    return measure.report()


def _rows(
    connection: Connection, query: tuple[str, dict[str, Any]], recipe: Recipe, progress: Callable[[int], None]
) -> Iterator[list[Row]]:
    seen = 0
    for batch in audience_batches(connection, query, columns=recipe.columns):
        yield batch
        seen += len(batch)
        progress(seen)


@dataclass(slots=True)
class _Tried:
    """A rewording, and what all those would get with it whose text takes more than one part."""

    rewording: Rewording
    recipe: Recipe
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def of(cls, rewording: Rewording, recipe: Recipe) -> "_Tried":
        wording = Wording(rewording.template, rewording.transliterate)
        return cls(rewording, replace(recipe, wordings={"": wording}))

    def write(self, rows: list[Row]) -> None:
        deque(freeze(rows, self.recipe, self.tally), maxlen=0)


@dataclass(slots=True)
class _Measure:
    """What texts and values come to so far. `values` are read by what is given for each name."""

    recipe: Recipe
    wording: Wording
    prices: Prices
    read: dict[str, Reader]
    places: Counter[str]
    values: dict[str, Values]
    tried: list[_Tried]
    tally: Tally = field(default_factory=Tally)
    lengths: Counter[Length] = field(default_factory=Counter)

    @classmethod
    def of(cls, recipe: Recipe, prices: Prices) -> "_Measure":
        """Begin with nobody."""
        (wording,) = recipe.wordings.values()
        places = places_shown(wording.template)
        given = {snake_case(name) for name in recipe.variables}
        read = readers(recipe.columns, places.keys() - given, first=len(Person._fields))
        tried = [_Tried.of(each, recipe) for each in plainer(wording.template, transliterate=wording.transliterate)]
        return cls(recipe, wording, prices, read, places, {name: Values() for name in read}, tried)

    def take(self, batch: list[Row]) -> None:
        """Count what the texts of some people come to, and try out what needs no look at all of them first."""
        long = [row for row, frozen in self._frozen(batch, self.tally) if self._is_long(row, frozen)]
        for each in self.tried:
            each.write(long)

    def _is_long(self, row: Row, frozen: Frozen) -> bool:
        """Count a text and its values; say whether it takes more than one part."""
        given = [(name, _text(value_of(row))) for name, value_of in self.read.items()]
        for name, value in given:
            self.values[name].lengths[len(value)] += 1
        if frozen.segments_used == 1:
            return False
        length = length_of(frozen.personalized_content, frozen.phone_number)
        self.lengths[length] += 1
        excess = too_many(length)
        for name, value in given:
            self.values[name].add(value, too_many=excess, places=self.places[name])
        return True

    def shorter_names(self) -> list[_Tried]:
        """Return the ways to shorten names that are worth being tried out; they count as tried."""
        best = {name: self.values[name].best_cut() for name in NAMES if name in self.values}
        cut = {name: found for name, found in best.items() if found}
        made = with_shorter_names(self.wording.template, transliterate=self.wording.transliterate, cut=cut)
        found = [_Tried.of(each, self.recipe) for each in made]
        self.tried += found
        return found

    def try_out(self, tried: list[_Tried], batch: list[Row]) -> None:
        """Write rewordings for those of some people whose text takes more than one part."""
        long = [row for row, frozen in self._frozen(batch, Tally()) if frozen.segments_used > 1]
        for each in tried:
            each.write(long)

    def _frozen(self, batch: list[Row], tally: Tally) -> Iterator[tuple[Row, Frozen]]:
        """Yield who gets a text with what they get."""
        current: Row = ()

        def rows() -> Iterator[Row]:
            nonlocal current
            for current in batch:  # noqa: UP028 - whoever is frozen below is the one
                yield current

        for frozen in freeze(rows(), self.recipe, tally):
            yield current, frozen

    def report(self) -> PartsReport:
        """Return what was found."""
        tally, bars = self.tally, Counter[tuple[str, int]]()
        for (_, _, encoding, parts), people in tally.kept.items():
            bars[encoding, parts] += people
        return PartsReport(
            matched=tally.matched,
            exclusions=dict(tally.exclusions),
            recipients=tally.recipients,
            parts=tally.parts,
            cost=self._money(tally.cost(self.prices)),
            histogram=tuple(Bar(*key, people) for key, people in sorted(bars.items())),
            decisive=tuple(self._decisive()),
            shorter=tuple(self._shorter()),
            proposals=tuple(sorted(self._proposals(), key=lambda each: -each.saved.amount)),
        )

    def _decisive(self) -> Iterator[Decisive]:
        for name, values in self.values.items():
            if values.needed:
                longest = sorted(values.longest.items(), key=lambda each: (-len(each[0]), each[0]))
                yield Decisive(name, values.needed.total(), tuple(longest))

    def _shorter(self) -> Iterator[Proposal]:
        """Yield what 1, 2, … characters less in the text's own words save, where it is more than with one fewer."""
        before = 0
        for characters in range(1, min(MOST_CHARACTERS, len(self.wording.template.literal.rstrip())) + 1):
            saved = Counter[str]()
            for length, texts in self.lengths.items():
                saved[length[0]] += texts * (len(length[3]) - parts_if_shorter(length, characters))
            if saved.total() > before:
                before = saved.total()
                money = sum((self.prices(each).amount * parts for each, parts in saved.items()), Decimal(0))
                says = f"{characters} character{'s' if characters > 1 else ''} less"
                yield Proposal("shorten", says, None, before, self._money(money) or Money(money, ""))

    def _proposals(self) -> Iterator[Proposal]:
        """Yield what was tried out and saves parts; nothing by which anybody got no text."""
        long = Tally(kept=Counter({key: people for key, people in self.tally.kept.items() if key[3] > 1}))
        for one in self.tried:
            each, saved = one.rewording, long.parts - one.tally.parts
            if saved > 0 and one.tally.recipients == long.recipients:
                money = long.cost(self.prices) - one.tally.cost(self.prices)
                yield Proposal(each.kind, each.says, each.write, saved, self._money(money) or Money(money, ""))

    def _money(self, amount: Decimal) -> Money | None:
        currency = self.tally.currency(self.prices)
        return Money(amount, currency) if currency else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)

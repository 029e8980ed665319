"""Freeze customers: each becomes a recipient with a text, its parts and its send time, or is excluded for a reason.

What `plan` counts and what the launch writes both come from here, so they cannot differ. The
audience comes as rows that SQL has judged already (audience/eligibility.py); what only Python can
tell adds reasons: `missing_value:NAME` (the text needs what this customer has not), `too_long` (more
than a provider takes), `unrenderable` (a value the text cannot show, or nothing left to say), `no_window`
(no open time before it would expire), `bad_timezone`, `frequency_cap` (a text too many; or it waits, by the cap).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import tuple_row

from lumiere_sms.audience.caps import FREQUENCY_CAP, Cap
from lumiere_sms.campaigns.allocation import EVERYBODY_ALIKE, Allocation, Trials, Wave
from lumiere_sms.campaigns.capping import behind, cap_of, is_bounded
from lumiere_sms.campaigns.texts import (
    ExcludedError,
    Wording,
    Writer,
    Written,
    columns_of,
    dearest_of,
    reads_link,
    wordings_of,
    writer_of,
)
from lumiere_sms.campaigns.timing import Timetable, timer
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.messages.links import Link, token_of
from lumiere_sms.providers.prices import Price, country_of
from lumiere_sms.schedule.best_times import Habit
from lumiere_sms.schedule.windows import SendWindows

#: What a part costs in a country, by its ISO 3166 code.
Prices = Callable[[str], Price]
#: A customer that the audience matched: the values of a Person, then the columns that the recipe reads.
Row = tuple[Any, ...]
#: Zone, country, preferred time, from when, until when, parts.
Waiting = tuple[str, str, str | None, datetime, datetime, int]

BATCH = 10_000
#: Why somebody of the audience gets nothing who was left out by lot.
HELD_OUT = "holdout"


class Person(NamedTuple):
    """What the audience query says of a customer, whatever the text reads. The names are its columns."""

    id: UUID
    phone_number: str
    timezone: str | None
    exclusion: str | None
    preferred_time: str | None = None
    next_appointment_at: datetime | None = None
    capped_until: datetime | None = None


class Frozen(NamedTuple):
    """A recipient as it is written. The names are the columns of `campaign_recipients`."""

    customer_id: UUID | None
    phone_number: str
    timezone: str
    send_after: datetime
    expires_at: datetime
    personalized_content: str
    encoding: str
    segments_used: int
    step: str = ""
    variant: str = ""
    preferred_time: str | None = None
    appointment_at: datetime | None = None
    status: str = "pending"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an occurrence makes of each customer it matches. `wish` is when its texts should go.

    `wordings` are its texts by variant; one alone has no name. `trials` share people out over them. A `wave` takes in
    some of the audience; without one it is everybody, as plans count them: the rest with the dearest of the wordings.
    """

    wordings: Mapping[str, Wording]
    variables: dict[str, Any]
    tenant_name: str
    zone: str
    windows: SendWindows
    expires_after: timedelta | None
    wish: datetime
    spread_by: str | None = None
    habit: Habit | None = None
    is_urgent: bool = False
    trials: Trials | None = None
    wave: Wave | None = None
    cap: Cap | None = None
    link: Link | None = None  # how its texts' links begin, where they have any
    is_bounded: bool = False  # what a cap has wait goes before it would have expired, or not at all

    @classmethod
    def of(cls, definition: CampaignDefinition, content: Content, *, tenant: Tenant, wish: datetime) -> "Recipe":
        """Make the recipe of a campaign, by its tenant's rules where it has none of its own.

        Raises: TemplateProblemError for a text that is no template.
        """
        rules = TenantRules.from_payload(tenant.rules)
        wordings = wordings_of(definition, content)
        return cls(
            wordings=wordings,
            variables=dict(definition.variables),
            tenant_name=tenant.name,
            zone=definition.timezone,
            windows=definition.under(rules).windows(),
            expires_after=definition.expires_after,
            wish=wish,
            spread_by=definition.name if definition.spread == "window" else None,
            is_urgent=definition.is_urgent,
            trials=Trials.of(definition),
            cap=cap_of(definition, rules),
            is_bounded=is_bounded(definition),
            link=link_of(wordings, definition.variables, rules),
        )

    @property
    def timetable(self) -> Timetable:
        """What it says of when its texts leave."""
        return Timetable(
            self.zone, self.windows, self.expires_after, self.spread_by, self.habit, is_urgent=self.is_urgent
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a customer that its texts read."""
        return columns_of(self.wordings.values(), self.variables)


@dataclass(slots=True)
class Tally:
    """What became of the customers so far. `kept` counts recipients by zone, country, encoding and parts.

    `waiting` counts them by what decides when their texts leave: zone, country, preferred time, the instants from
    which and until which they may, and parts. `timing` says for how many of them what counted (campaigns/timing.py).
    `variants` counts them by wording, and `later` those whose wave is still to come. `links` are the tokens that were
    made, with their numbers, and not written yet: all of them, or those that are not staged (campaigns/links.py).
    `merged` are the texts that have the names of several people with one number. `most_parts` is what the dearest text
    of each wording takes.
    """

    matched: int = 0
    exclusions: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    waiting: Counter[Waiting] = field(default_factory=Counter)
    timing: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    later: int = 0
    merged: int = 0
    most_parts: dict[str, int] = field(default_factory=dict)
    dearest: Frozen | None = None
    links: list[tuple[str, str]] = field(default_factory=list)
    are_links_staged: bool = False

    @property
    def length_of_dearest(self) -> tuple[int, int]:
        """How long the dearest text is, in parts, then in characters."""
        return (self.dearest.segments_used, len(self.dearest.personalized_content)) if self.dearest else (0, 0)

    @property
    def recipients(self) -> int:
        """How many get a text."""
        return sum(self.kept.values())

    @property
    def parts(self) -> int:
        """How many parts their texts have."""
        return sum(parts * count for (_, _, _, parts), count in self.kept.items())

    def cost(self, prices: Prices) -> Decimal:
        """Return what the texts cost at list price."""
        return sum(
            (prices(country).amount * parts * count for (_, country, _, parts), count in self.kept.items()), Decimal(0)
        )

    def currency(self, prices: Prices) -> str | None:
        """Return the currency of that cost; None where nobody gets a text."""
        return next((prices(country).currency for _, country, _, _ in self.kept), None)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which of an audience are wanted: an SQL expression over its rows (`audience`), and its binds; in which order."""

    text: LiteralString
    binds: Mapping[str, Any] = field(default_factory=dict)
    order: LiteralString = ""


EVERYBODY = Narrowing("true")
#: For who writes, batch by batch, what the query itself looks for: sorted, it has looked at all before the first batch.
#: Else a plan that was made while there was nothing to find searches what was written, from end to end, for each row.
AT_FIRST = Narrowing("true", order="ORDER BY audience.exclusion NULLS FIRST")


def audience_batches(
    connection: Connection,
    query: tuple[str, dict[str, Any]],
    *,
    columns: Sequence[str],
    narrowing: Narrowing = EVERYBODY,
) -> Iterator[list[Row]]:
    """Yield the audience, `BATCH` customers at a time, from a server-side cursor of this transaction."""
    text, binds = query
    audience = sql.SQL("SELECT {} FROM ({}) AS audience WHERE {} {}").format(
        sql.SQL(", ").join(map(sql.Identifier, (*Person._fields, *columns))),
        sql.SQL(text),  # compiled by audience/: values are binds
        sql.SQL(narrowing.text),
        sql.SQL(narrowing.order),
    )
    with connection.cursor(name="audience", binary=True, row_factory=tuple_row) as cursor:
        cursor.execute(audience, {**binds, **narrowing.binds})
        while batch := cursor.fetchmany(BATCH):
            yield batch


def freeze(  # noqa: C901, PLR0912, PLR0915 - one loop over a million people: each function that it were cut into is called a million times
    rows: Iterable[Row], recipe: Recipe, tally: Tally, *, answers: Mapping[str, Sequence[datetime]] | None = None
) -> Iterator[Frozen]:
    """Yield those who get a text; count everybody in `tally`. `answers` are those of the rows' people, by number.

    A wave yields those too who are held out of it, so that it can be told later who they were.
    """
    writers, table, wish, wave = _writers(recipe), recipe.timetable, recipe.wish, recipe.wave
    most_parts = tally.most_parts
    lot_of, as_winner = _lots(recipe), _as_winner(recipe, writers)
    (common, own), is_personal, longest = timer(table), table.is_personal, tally.length_of_dearest
    names_of = itemgetter(recipe.columns.index("names")) if "names" in recipe.columns else None
    exchange = _exchange(recipe.link, tally)
    for customer_id, phone, zone, exclusion, preferred, _, capped_until, *values in rows:
        tally.matched += 1
        if exclusion:
            tally.exclusions[exclusion] += 1
            continue
        variant, is_held_out = lot_of(customer_id)
        if variant is None:
            tally.later += 1
            continue
        timing = common(wish, zone, preferred)
        if capped_until is not None:
            again = partial(common, zone=zone, preferred=preferred)
            timing = behind(recipe.cap, timing, capped_until, is_bounded=recipe.is_bounded, later=again)
        if isinstance(timing, str):
            tally.exclusions[timing] += 1
            continue
        if is_personal:
            timing = own(timing, phone, (answers or {}).get(phone))
        place, send_after, expires_at, preferred_time, notes = timing
        try:
            text, encoding, parts = writers[variant](place, *values)
        except ExcludedError as error:
            written = as_winner(place, *values)
            if written is None:
                tally.exclusions[error.reason] += 1
                continue
            variant, (text, encoding, parts) = "", written
        if is_held_out:
            tally.exclusions[HELD_OUT] += 1
            if wave:
                spared = customer_id, phone, place, send_after, expires_at, "", encoding, 0
                yield Frozen(*spared, preferred_time=preferred_time, status="suppressed", reason=HELD_OUT)
            continue
        if exchange:
            text = exchange(text, phone)
        country = country_of(phone)
        tally.kept[place, country, encoding, parts] += 1
        tally.waiting[place, country, preferred_time, send_after, expires_at, parts] += 1
        for note in notes:
            tally.timing[note] += 1
        reason = FREQUENCY_CAP if FREQUENCY_CAP in notes else None
        texted = phone, place, send_after, expires_at, text, encoding, parts  # a million times: by place, not by name
        frozen = Frozen(customer_id, *texted, "", variant, preferred_time, None, "pending", reason)
        tally.variants[variant] += 1
        tally.merged += bool(names_of and names_of(values))
        if parts > most_parts.get(variant, 0):
            most_parts[variant] = parts
        if (parts, len(text)) > longest:
            tally.dearest, longest = frozen, (parts, len(text))
        yield frozen


def _lots(recipe: Recipe) -> Callable[[UUID], tuple[str | None, bool]]:
    """Return what tells which wording a customer gets, None for one of another wave, and whether they are held out."""
    wave = recipe.wave or Wave()

    def lot_of(allocation: Allocation) -> tuple[str | None, bool]:
        is_wanted = recipe.wave is None or wave.wants(allocation)
        return wave.variant_of(allocation) if is_wanted else None, allocation.is_held_out

    if recipe.trials is None:
        everybodys = lot_of(EVERYBODY_ALIKE)
        return lambda _: everybodys
    allocation_of, remembered = recipe.trials.allocator(), cache(lot_of)
    return lambda customer_id: remembered(allocation_of(customer_id))


def _writers(recipe: Recipe) -> dict[str, Writer]:
    """Return what writes each wording, by its name; whoever's is not decided yet gets the dearest, under no name."""
    about: dict[str, Any] = {"variables": recipe.variables, "tenant_name": recipe.tenant_name}
    about |= {"columns": recipe.columns, "link": recipe.link and recipe.link.sample}
    writers = {name: writer_of(wording, **about) for name, wording in recipe.wordings.items()}
    return writers if "" in writers else {**writers, "": dearest_of(list(writers.values()))}


def _as_winner(recipe: Recipe, writers: Mapping[str, Writer]) -> Callable[..., Written | None]:
    """Return what writes, for a plan, the text of somebody whose own wording cannot be written: the winner may be."""

    def write(place: str, *values: Any) -> Written | None:
        try:
            return writers[""](place, *values)
        except ExcludedError:
            return None

    has_another = recipe.wave is None and recipe.trials is not None and recipe.trials.has_winner
    return write if has_another else lambda *_: None


def link_of(wordings: Mapping[str, Wording], variables: Mapping[str, Any], rules: TenantRules) -> Link | None:
    """Return how the links of texts begin, of which none is made yet; None where they have none."""
    base = rules.opt_out_url
    return Link(base) if base and reads_link(wordings.values(), variables) else None


def _exchange(link: Link | None, tally: Tally) -> Callable[[str, str], str] | None:
    """Return what puts somebody's own link for the sample in a text; None where nothing is made, or none stands."""
    if link is None or link.key is None:
        return None
    base, sample, key, keep = link.base, link.sample, link.key, tally.links.append

    def exchange(text: str, number: str) -> str:
        if sample not in text:
            return text
        token = token_of(number, key=key)
        keep((token, number))
        return text.replace(sample, base + token)

    return exchange

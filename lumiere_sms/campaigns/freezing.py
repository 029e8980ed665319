"""Freeze customers: each becomes a recipient with a text, its parts and its send time, or is excluded for a reason.

What `plan` counts and what the launch writes both come from here, so they cannot differ. The
audience comes as rows that SQL has judged already (audience/eligibility.py); what only Python can
tell adds reasons: `missing_value:NAME` (the text needs what this customer has not), `too_long` (more
than a provider takes), `unrenderable` (a value the text cannot show, or nothing left to say), `no_window`
(no open time before it would expire), `bad_timezone`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import tuple_row

from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.messages.parts import count_parts
from lumiere_sms.messages.rendering import (
    MissingValueError,
    RenderingError,
    Template,
    TooLongError,
    compile_template,
)
from lumiere_sms.messages.values import COLUMNS, FIELDS, snake_case, values_of
from lumiere_sms.providers.prices import Price, country_of
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.windows import SendWindows, send_times

#: What a part costs in a country, by its ISO 3166 code.
Prices = Callable[[str], Price]
#: A customer that the audience matched: key, phone, zone, exclusion, then the columns that the recipe reads.
Row = tuple[Any, ...]

BATCH = 10_000
JUDGED = ("id", "phone_number", "timezone", "exclusion")
BLANK: dict[str, Any] = {**dict.fromkeys((*COLUMNS, "next_appointment_at")), "attributes": {}}
_UNHASHABLE = frozenset({"attributes", "tags"})
_REMEMBERED = 4_096


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


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an occurrence makes of each customer it matches. `wish` is when its texts should go."""

    template: Template
    transliterate: bool
    variables: dict[str, Any]
    tenant_name: str
    zone: str
    windows: SendWindows
    expires_after: timedelta | None
    wish: datetime

    @classmethod
    def of(cls, definition: CampaignDefinition, content: Content, *, tenant: Tenant, wish: datetime) -> "Recipe":
        """Make the recipe of a campaign. Raises: TemplateProblemError for a text that is no template."""
        return cls(
            template=compile_template(content.source, name=definition.template or "message"),
            transliterate=content.transliterate,
            variables=dict(definition.variables),
            tenant_name=tenant.name,
            zone=definition.timezone,
            windows=definition.windows(),
            expires_after=definition.expires_after,
            wish=wish,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a customer that the text reads: few, so that a million rows stay light."""
        read = self.template.variables - {snake_case(name) for name in self.variables}
        names = set(read & BLANK.keys())
        names |= {"first_name", "last_name"} if "name" in read else set()
        names |= {"attributes"} if read - FIELDS else set()
        return tuple(sorted(names))


@dataclass(slots=True)
class Tally:
    """What became of the customers so far. `kept` counts recipients by zone, country, encoding and parts."""

    matched: int = 0
    exclusions: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    dearest: Frozen | None = None

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


def audience_batches(
    connection: Connection, query: tuple[str, dict[str, Any]], *, columns: Sequence[str]
) -> Iterator[list[Row]]:
    """Yield the audience, `BATCH` customers at a time, from a server-side cursor of this transaction."""
    text, binds = query
    audience = sql.SQL("SELECT {} FROM ({}) AS audience").format(
        sql.SQL(", ").join(map(sql.Identifier, (*JUDGED, *columns))),
        sql.SQL(text),  # compiled by audience/: values are binds
    )
    with connection.cursor(name="audience", binary=True, row_factory=tuple_row) as cursor:
        cursor.execute(audience, binds)
        while batch := cursor.fetchmany(BATCH):
            yield batch


def freeze(rows: Iterable[Row], recipe: Recipe, tally: Tally) -> Iterator[Frozen]:
    """Yield those who get a text; count everybody in `tally`."""
    write, times = _writer(recipe), _timer(recipe)
    for customer_id, phone, zone, exclusion, *values in rows:
        tally.matched += 1
        if exclusion:
            tally.exclusions[exclusion] += 1
            continue
        try:
            place, send_after, expires_at = times(zone)
            text, encoding, parts = write(place, *values)
        except _ExcludedError as error:
            tally.exclusions[error.reason] += 1
            continue
        tally.kept[place, country_of(phone), encoding, parts] += 1
        frozen = Frozen(customer_id, phone, place, send_after, expires_at, text, encoding, parts)
        if (parts, len(text)) > tally.length_of_dearest:
            tally.dearest = frozen
        yield frozen


class _ExcludedError(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _writer(recipe: Recipe) -> Callable[..., tuple[str, str, int]]:
    """Return what writes one text: from the recipient's zone and the values of the recipe's columns, in their order.

    Customers with equal values get equal texts, so the last few thousand are remembered where values can be keys.
    """
    columns, render, transliterate = recipe.columns, recipe.template.render, recipe.transliterate
    variables, tenant_name = recipe.variables, recipe.tenant_name

    def write(place: str, *given: Any) -> tuple[str, str, int]:
        row = {**BLANK, **dict(zip(columns, given, strict=True))}
        try:
            values = values_of(row, variables=variables, tenant_name=tenant_name, zone=place)
            text = render(values, transliterate=transliterate)
        except MissingValueError as error:
            raise _ExcludedError(f"missing_value:{error.name}") from error
        except TooLongError as error:
            raise _ExcludedError("too_long") from error
        except RenderingError as error:
            raise _ExcludedError("unrenderable") from error
        count = count_parts(text)
        return text, count.encoding.value, count.parts

    return write if _UNHASHABLE.intersection(columns) else lru_cache(_REMEMBERED)(write)


def _timer(recipe: Recipe) -> Callable[[str | None], tuple[str, datetime, datetime]]:
    """Return what tells zone, send time and expiry from the zone a customer has; computed once a zone."""

    @cache
    def times(zone: str | None) -> tuple[str, datetime, datetime]:
        try:
            place = resolve_zone(zone or recipe.zone)
        except ValueError as error:
            raise _ExcludedError("bad_timezone") from error
        found = send_times(recipe.wish, windows=recipe.windows, zone=place, expires_after=recipe.expires_after)
        if found is None:
            raise _ExcludedError("no_window")
        return place.key, *found

    return times

"""The plan: what `apply` would change and, per campaign, who gets what, when and at what cost. Writes nothing.

Who, what and when come from the functions that the launch runs (campaigns/freezing.py), on the templates
and segments of the files where these differ from the database.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.changes import Change, checksum, current_campaigns, diff, is_over, is_rescheduled
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally, audience_batches, freeze
from lumiere_sms.campaigns.launch import local_day
from lumiere_sms.campaigns.recipients import USABLE
from lumiere_sms.campaigns.ways import way_of
from lumiere_sms.campaigns.wording import findings_of, planned_content
from lumiere_sms.clock import Clock
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.logs import mask_phone
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.lint import Finding
from lumiere_sms.planning.forecast import Queue, forecast
from lumiere_sms.planning.spending import BudgetPlan, Estimate, Spending
from lumiere_sms.planning.targets import planned_target
from lumiere_sms.providers.prices import Price
from lumiere_sms.schedule.windows import send_times


@dataclass(frozen=True, slots=True)
class Dearest:
    """The recipient whose text takes the most parts; the phone is masked."""

    phone: str
    parts: int
    text: str


@dataclass(frozen=True, slots=True)
class CountryCost:
    """What the parts to one country cost at list price."""

    country: str
    parts: int
    price: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """One campaign's consequence.

    `parts` counts recipients by how many parts their text has, `encodings` by encoding. `finishes_at` is when
    the last text leaves at `parts_per_minute`, which `limit` (campaign or provider) sets; `expiring` recipients
    would miss their last window at that pace. `through` says which providers, where there is a choice.
    """

    name: str
    status: str
    type: str
    timezone: str
    wish: datetime | None
    matched: int
    kept: int
    exclusions: Mapping[str, int]
    encodings: Mapping[str, int]
    parts: Mapping[int, int]
    dearest: Dearest | None
    findings: tuple[Finding, ...]
    windows: tuple[str, ...]
    quiet_hours: str | None
    parts_per_minute: float
    limit: str
    starts_at: datetime | None
    finishes_at: datetime | None
    expires_at: datetime | None
    expiring: int
    cost: Decimal
    currency: str
    countries: tuple[CountryCost, ...]
    budgets: tuple[BudgetPlan, ...] = ()
    through: str = ""

    @property
    def fits(self) -> bool:
        """Whether all texts leave before they expire."""
        return not self.expiring


@dataclass(frozen=True, slots=True)
class Plan:
    """All that would happen. `over` names campaigns of the files that are launched already or never will be."""

    changes: tuple[Change, ...]
    campaigns: tuple[CampaignPlan, ...]
    over: Mapping[str, str]
    checksum: str

    @property
    def is_empty(self) -> bool:
        """Whether `apply` would change nothing."""
        return all(change.action == "unchanged" for change in self.changes)


def make_plan(
    database: Database,
    tenant: Tenant,
    definitions: Definitions,
    *,
    clock: Clock,
    prices: Prices,
    parts_per_second: float = 1.0,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Say what `apply` would do to the database, and what the campaigns of the files would do to people.

    `parts_per_second` is the provider's pace. Raises: DefinitionError for a schedule in the past, StateError
    for segments or templates that are not there.
    """
    now = clock.now()
    with database.transaction(read_only=True) as connection:
        connection.execute("SET LOCAL cursor_tuple_fraction = 1.0")
        changes = diff(connection, tenant, definitions, now=now, overwrite=overwrite)
        current = current_campaigns(connection, tenant, definitions.campaigns)
        over = {name: row["status"] for name, row in current.items() if is_over(row)}
        campaigns = []
        spending = Spending(connection, tenant)
        for name, definition in definitions.campaigns.items():
            if name in over:
                continue
            wish = _wish(current.get(name), definition, now)
            way = way_of(prices, tenant, definition)
            own_prices = way.prices if way else prices
            content = planned_content(connection, tenant, definition, definitions=definitions)
            findings = findings_of(
                connection, tenant, definition, content=content, price=_money(own_prices(tenant.country))
            )
            recipe = Recipe.of(definition, content, tenant=tenant, wish=wish or now)
            target = planned_target(tenant, definition, definitions=definitions)
            tally = _count(connection, tenant, definition.type, target=target, recipe=recipe, progress=progress)
            pace = _Pace.of(definition, way.parts_per_second if way else parts_per_second)
            planned = _describe(definition, recipe, tally, is_draft=wish is None, pace=pace, prices=own_prices)
            planned = replace(planned, through=str(way) if way and (way.problem or len(way.providers) > 1) else "")
            estimate = Estimate(planned.kept, planned.cost, planned.currency)
            budgets = spending.plan(definition, current.get(name), at=recipe.wish, estimate=estimate)
            campaigns.append(replace(planned, findings=tuple(findings), budgets=budgets))
    return Plan(changes, tuple(campaigns), over, checksum(changes))


def _money(price: Price) -> Money:
    return Money(price.amount, price.currency)


def _wish(row: Mapping[str, Any] | None, definition: CampaignDefinition, now: datetime) -> datetime | None:
    """Return when a campaign's texts are wished for; None for a draft."""
    if definition.schedule is None:
        return None
    if row is None or is_rescheduled(CampaignDefinition.from_payload(row["definition"]), definition):
        return definition.starts_at() or now
    at = row["scheduled_at"]
    assert isinstance(at, datetime), "a campaign with a schedule has a time"
    return at


@dataclass(frozen=True, slots=True)
class _Pace:
    """The slower of what the campaign and its provider allow, and which of them it is."""

    parts_per_minute: float
    limit: str

    @classmethod
    def of(cls, definition: CampaignDefinition, parts_per_second: float) -> "_Pace":
        provider = parts_per_second * 60
        own = definition.send_rate_per_minute
        return cls(own, "campaign") if own <= provider else cls(provider, "provider")


def _count(
    connection: Connection,
    tenant: Tenant,
    campaign_type: str,
    *,
    target: Mapping[str, Any],
    recipe: Recipe,
    progress: Callable[[int], None],
) -> Tally:
    """Freeze everybody the launch would freeze, and keep the counts only."""
    today = local_day(tenant, recipe.wish)
    query = audience_query(connection, tenant.id, target=target, campaign_type=campaign_type, today=today)
    tally = Tally()
    for batch in audience_batches(connection, query, columns=recipe.columns):
        deque(freeze(batch, recipe, tally), maxlen=0)
        progress(tally.matched)
    return tally


def _describe(
    definition: CampaignDefinition, recipe: Recipe, tally: Tally, *, is_draft: bool, pace: _Pace, prices: Prices
) -> CampaignPlan:
    queues = _queues(recipe, tally)
    expected = forecast(queues, windows=recipe.windows, parts_per_second=pace.parts_per_minute / 60)
    quiet = recipe.windows.quiet
    return CampaignPlan(
        name=definition.name,
        status="draft" if is_draft else "scheduled",
        type=definition.type,
        timezone=definition.timezone,
        wish=None if is_draft else recipe.wish,
        matched=tally.matched,
        kept=tally.recipients,
        exclusions=dict(tally.exclusions.most_common()),
        encodings=_counted(tally, 2),
        parts=dict(sorted(_counted(tally, 3).items())),
        dearest=_dearest(tally),
        findings=(),
        windows=tuple(map(str, recipe.windows.windows)),
        quiet_hours=str(quiet) if quiet else None,
        parts_per_minute=pace.parts_per_minute,
        limit=pace.limit,
        starts_at=expected.starts_at,
        finishes_at=expected.finishes_at,
        expires_at=max((queue.ends_at + USABLE for queue in queues), default=None),
        expiring=expected.expired,
        cost=tally.cost(prices),
        currency=tally.currency(prices) or "",
        countries=tuple(_countries(tally, prices)),
    )


def _queues(recipe: Recipe, tally: Tally) -> list[Queue]:
    """Return the texts by zone; the engine takes none in the last moments before they expire (USABLE)."""
    people, parts = Counter[str](), Counter[str]()
    for (zone, _, _, each), count in tally.kept.items():
        people[zone] += count
        parts[zone] += each * count
    queues = []
    for zone in people:
        place = ZoneInfo(zone)
        times = send_times(recipe.wish, windows=recipe.windows, zone=place, expires_after=recipe.expires_after)
        assert times is not None, "who has no open time is not kept"
        queues.append(Queue(place, times[0], times[1] - USABLE, people[zone], parts[zone]))
    return queues


def _counted(tally: Tally, position: int) -> dict[Any, int]:
    counts = Counter[Any]()
    for key, count in tally.kept.items():
        counts[key[position]] += count
    return dict(counts.most_common())


def _dearest(tally: Tally) -> Dearest | None:
    if tally.dearest is None:
        return None
    most = tally.dearest
    return Dearest(mask_phone(most.phone_number), most.segments_used, most.personalized_content)


def _countries(tally: Tally, prices: Prices) -> Iterator[CountryCost]:
    parts = Counter[str]()
    for (_, country, _, each), count in tally.kept.items():
        parts[country] += each * count
    for country, count in parts.most_common():
        price = prices(country).amount
        yield CountryCost(country, count, price, price * count)

"""What a plan says of one campaign: who gets what, when and at what cost."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from lumiere_sms.campaigns.calendars import Calendar
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally
from lumiere_sms.logs import mask_phone
from lumiere_sms.messages.lint import Finding
from lumiere_sms.planning.cases import Case
from lumiere_sms.planning.comparing import Compared
from lumiere_sms.planning.foreseeing import ExpectedDay
from lumiere_sms.planning.proposing import BudgetAnswer
from lumiere_sms.planning.slots import Slot, slots_of
from lumiere_sms.planning.spending import BudgetPlan
from lumiere_sms.planning.ways_out import without_way_out

_MOST_CLOSED = 7  # days that are told


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

    `parts` counts recipients by how many parts their text has, `encodings` by encoding, `variants` by wording (those
    under no name get the winner's; `trial` is what it says of canary and winner). `finishes_at` is when the last text
    leaves at `parts_per_minute`, which `limit` (campaign, tenant or provider) sets; `expiring` recipients would miss
    their last window at that pace. One that is too slow and may be spread over days is `is_spread`. `through` says
    which providers, where there is a choice. `slots` say when how many texts leave, `timing` for how many of them what
    counted, `closed` on which days none leaves. Of one that recurs, `coming` are the next times, `calendar` says how;
    `days` are the next ones of one that is a run a day.
    `merged` texts have the names of several people who share a number. Of `strategies` and `budget_answer` there is
    what was asked.
    `cannot_refuse` says where nobody could refuse further texts, neither by an answer nor by a link.
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
    strategy: str | None = None
    if_too_slow: str | None = None
    is_spread: bool = False
    refusal: str = ""
    parts_per_day: int | None = None
    slots: tuple[Slot, ...] = ()
    timing: Mapping[str, int] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    coming: tuple[datetime, ...] = ()
    calendar: Calendar | None = None
    days: tuple[ExpectedDay, ...] = ()
    merged: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)
    trial: Mapping[str, Any] = field(default_factory=dict)
    strategies: tuple[Compared, ...] = ()
    budget_answer: BudgetAnswer | None = None
    cannot_refuse: str = ""

    @property
    def fits(self) -> bool:
        """Whether all texts leave before they expire."""
        return not self.expiring


def describe(case: Case, *, is_draft: bool) -> CampaignPlan:
    """Say what becomes of a campaign; a draft as if it went now."""
    definition, recipe, tally, way = case.definition, case.recipe, case.tally, case.way
    quiet, found = recipe.windows.quiet, case.forecast
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
        parts_per_minute=case.pacing.parts_per_second * 60,
        limit=case.pacing.limit,
        starts_at=found.starts_at,
        finishes_at=found.finishes_at,
        expires_at=found.ends_at,
        expiring=found.expired,
        cost=tally.cost(case.prices),
        currency=tally.currency(case.prices) or "",
        countries=tuple(_countries(tally, case.prices)),
        through=str(way) if way and (way.problem or len(way.providers) > 1) else "",
        strategy=definition.strategy,
        if_too_slow=definition.if_too_slow,
        is_spread=case.is_spread,
        refusal="" if is_draft else case.refusal,
        parts_per_day=case.pacing.parts_per_day,
        slots=slots_of(found, zone=definition.timezone),
        timing=dict(tally.timing.most_common()),
        variants=dict(tally.variants) if definition.variants else {},
        merged=tally.merged,
        trial={name: one.payload() for name in ("canary", "winner") if (one := getattr(definition, name))},
        closed=tuple(islice(_closed(recipe, tally), _MOST_CLOSED)),
        cannot_refuse=without_way_out(
            way,
            definition,
            case.wanted.content,
            countries=sorted({country for _, country, _, _ in tally.kept}),
        ),
    )


def _closed(recipe: Recipe, tally: Tally) -> Iterator[str]:
    """Yield the days until its last text expires on which none of them leaves, each with why."""
    zone, last = ZoneInfo(recipe.zone), max((ends_at for *_, ends_at, _ in tally.waiting), default=recipe.wish)
    first_day, last_day = (each.astimezone(zone).date() for each in (recipe.wish, last))
    for day, why in recipe.windows.open_days.closed_between(first_day, last_day):
        yield f"{day} ({why})"


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

"""A campaign as it would run: everybody frozen and counted, nothing written, by the functions of the launch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lumiere_sms.campaigns.expecting import Pacing, expected, fit
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally
from lumiere_sms.campaigns.habits import with_habit
from lumiere_sms.campaigns.launch import count_wave
from lumiere_sms.campaigns.ways import Way, way_of
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.planning.foreseeing import ExpectedDay, Foresight
from lumiere_sms.schedule.departures import Forecast


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a campaign is to be, as far as the files say it: its definition, its text, its audience, and when.

    One that recurs comes up again at `until`.
    """

    definition: CampaignDefinition
    content: Content
    target: Mapping[str, Any]
    wish: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What becomes of it, by the `prices` of its way; `refusal` says why it is not launched, and what would help."""

    wanted: Wanted
    way: Way | None
    pacing: Pacing
    prices: Prices
    recipe: Recipe
    tally: Tally
    forecast: Forecast
    refusal: str = ""

    @property
    def definition(self) -> CampaignDefinition:
        """The campaign's definition."""
        return self.wanted.definition

    @property
    def is_spread(self) -> bool:
        """Whether it lasts longer than it says, since it is too slow and may be spread over days."""
        return self.recipe.expires_after != self.definition.expires_after


class Cases:
    """Makes cases, from one reading of the audience where two differ in nothing that it decides on."""

    def __init__(
        self,
        connection: Connection,
        tenant: Tenant,
        *,
        prices: Prices,
        granted: float,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._prices = prices
        self._granted = granted
        self._progress = progress
        self._counted: list[tuple[Wanted, Recipe, Tally]] = []

    def make(self, wanted: Wanted) -> Case:
        """Say what would become of a campaign."""
        definition = wanted.definition.under(TenantRules.from_payload(self._tenant.rules))
        way = way_of(self._prices, self._tenant, definition)
        pacing = Pacing(definition, way, self._granted)
        recipe = Recipe.of(definition, wanted.content, tenant=self._tenant, wish=wanted.wish)
        recipe = with_habit(self._connection, self._tenant.id, recipe, definition=definition)
        found = fit(self._count(wanted, recipe), recipe, pacing=pacing, until=wanted.until)
        tally = self._count(wanted, found.recipe)
        about = found.recipe, tally, expected(tally, found.recipe, pacing=pacing)
        refusal = f"{found.refusal}; {found.hint}" if found.refusal else ""
        return Case(wanted, way, pacing, way.prices if way else self._prices, *about, refusal=refusal)

    def foresee(self, wanted: Wanted, *, campaign_id: UUID | None) -> tuple[Case, tuple[ExpectedDay, ...]]:
        """Say what the next days of a standing campaign would bring."""
        definition = wanted.definition.under(TenantRules.from_payload(self._tenant.rules))
        way = way_of(self._prices, self._tenant, definition)
        prices = way.prices if way else self._prices
        foresight = Foresight(
            self._connection,
            self._tenant,
            definition,
            content=wanted.content,
            target=wanted.target,
            campaign_id=campaign_id,
            prices=prices,
        )
        foreseen = foresight.look(wanted.wish)
        pacing = Pacing(definition, way, self._granted)
        found = expected(foreseen.tally, foreseen.recipe, pacing=pacing)
        return Case(wanted, way, pacing, prices, foreseen.recipe, foreseen.tally, found), foreseen.days

    def _count(self, wanted: Wanted, recipe: Recipe) -> Tally:
        for known, by, tally in self._counted:
            if by == recipe and known.target == wanted.target and known.definition.type == wanted.definition.type:
                return tally
        tally = count_wave(
            self._connection,
            self._tenant,
            recipe,
            definition=wanted.definition,
            target=wanted.target,
            progress=self._progress,
        )
        self._counted = [*self._counted[-3:], (wanted, recipe, tally)]
        return tally

"""How a campaign's texts are expected to go while all providers are well: what plans and estimates go by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.providers.prices import Price
from lumiere_sms.schedule.departures import Pace


@dataclass(frozen=True, slots=True)
class Way:
    """Through which providers, at which price and pace.

    `parts` is how much of the whole each takes, in the order they are tried; empty where each destination goes to
    the cheapest. `problem` says why none would take anything. `choices` are the providers as a definition names them,
    `takes` says how much of what goes to a country each takes, `paces` how fast each is, `tenant_pace` how fast the
    business is over all of its senders, and `senders` what its texts come from at each.
    """

    strategy: str
    providers: tuple[str, ...]
    parts: Mapping[str, float]
    prices: Prices
    parts_per_second: float
    problem: str = ""
    choices: tuple[str, ...] = ()
    paces: Mapping[str, Pace] = field(default_factory=dict)
    tenant_pace: Pace | None = None
    takes: Callable[[str], Mapping[str, float]] = lambda _: {}
    senders: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in a few words."""
        if self.problem or len(self.providers) == 1:
            return self.problem or self.providers[0]
        if not self.parts:
            return f"the cheapest of {', '.join(self.providers)} for each destination"
        first, *others = self.providers
        if self.parts[first] == 1:
            return f"{first}; where it is not well, {', then '.join(others)}"
        return ", ".join(f"{self.parts[name]:.0%} {name}" for name in self.providers)


@dataclass(frozen=True, slots=True)
class WayPrices:
    """Prices that know the way of each campaign. Called plainly, those of the first provider."""

    plain: Prices
    of: Callable[[Tenant, CampaignDefinition], Way]

    def __call__(self, country: str) -> Price:
        """Return what a part to a country costs through the first provider."""
        return self.plain(country)


def way_of(prices: Prices, tenant: Tenant, definition: CampaignDefinition) -> Way | None:
    """Return the way of a campaign; None where the prices know of none."""
    return prices.of(tenant, definition) if isinstance(prices, WayPrices) else None


def pinned(
    definition: CampaignDefinition, way: Way | None, *, expires_after: timedelta | None = None
) -> CampaignDefinition:
    """Return a definition that says itself what its strategy, and being too slow, come to: what a run is pinned to."""
    changed: dict[str, Any] = {}
    if definition.strategy and way and way.choices:
        changed = {"providers": way.choices, "routing": way.strategy}
    if expires_after != definition.expires_after:
        changed["expires_after"] = expires_after
    return definition.model_copy(update=changed)

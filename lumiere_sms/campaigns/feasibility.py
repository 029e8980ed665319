"""What `apply` refuses since it could not be: campaigns that are too slow, budgets that pay for no text."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from lumiere_sms.campaigns.changes import current_campaigns, is_over
from lumiere_sms.campaigns.expecting import Fit, Pacing, fit
from lumiere_sms.campaigns.freezing import Prices, Recipe
from lumiere_sms.campaigns.habits import with_habit
from lumiere_sms.campaigns.launch import count_wave
from lumiere_sms.campaigns.occurrences import coming
from lumiere_sms.campaigns.ways import way_of
from lumiere_sms.campaigns.writing import content_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.definitions.values import read_money

#: A reason, and what can be done about it.
Reason = tuple[str, str]


def slow_ones(
    connection: Connection,
    tenant: Tenant,
    definitions: Definitions,
    names: Sequence[str],
    *,
    prices: Prices,
    now: datetime,
) -> Iterator[Reason]:
    """Yield which campaigns, written just now, cannot all leave in time, and may neither be spread nor expire then."""
    current = current_campaigns(connection, tenant, names)
    for name in names:
        definition = definitions.campaigns[name]
        is_judged = definition.schedule and not (definition.is_standing or definition.if_too_slow == "expire")
        if not is_judged or is_over(current[name]):
            continue
        times = list(islice(_times(tenant, definition, now=now), 2))
        found = _fit(connection, tenant, definition, times=times, prices=prices) if times else None
        if found and found.refusal:
            yield f'{stands(definitions, name)}campaign "{name}": {found.refusal}', found.hint


def idle_budgets(tenant: Tenant, definitions: Definitions, *, prices: Prices) -> Iterator[Reason]:
    """Yield which budgets do not pay for the shortest text to the tenant's own country."""
    for name, definition in definitions.campaigns.items():
        if definition.budget is None:
            continue
        amount, currency = read_money(definition.budget)
        way = way_of(prices, tenant, definition)
        price = (way.prices if way else prices)(tenant.country)
        if currency == price.currency and amount < price.amount:
            said = f'campaign "{name}": its budget of {definition.budget} does not pay for one text'
            yield stands(definitions, name) + said, f"a part to {tenant.country} costs {price.amount} {price.currency}"


def _fit(
    connection: Connection, tenant: Tenant, definition: CampaignDefinition, *, times: Sequence[datetime], prices: Prices
) -> Fit:
    """Return how a campaign would be launched at its first time; at the second it comes up again."""
    definition = definition.under(TenantRules.from_payload(tenant.rules))
    pacing = Pacing(definition, way_of(prices, tenant, definition))
    content = content_of(connection, tenant.id, definition)
    recipe = Recipe.of(definition, content, tenant=tenant, wish=times[0])
    recipe = with_habit(connection, tenant.id, recipe, definition=definition)
    tally = count_wave(connection, tenant, recipe, definition=definition, target=definition.target())
    return fit(tally, recipe, pacing=pacing, until=times[1] if times[1:] else None)


def _times(tenant: Tenant, definition: CampaignDefinition, *, now: datetime) -> Iterator[datetime]:
    """Yield when the texts of a campaign that has a schedule are wished for."""
    start = definition.starts_at() or now
    if definition.schedule and definition.schedule.repeat:
        yield from coming(tenant, definition, start=start, after=now)
    else:
        yield start


def stands(definitions: Definitions, name: str) -> str:
    """Return where a campaign is defined, as it stands before a problem; nothing where no file does."""
    file, line, column = definitions.places.get(("campaign", name), ("", 0, 0))
    return f"{file}:{line}:{column}: " if line else ""

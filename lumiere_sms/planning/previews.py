"""What a template says to one customer, and to the whole of a segment: how many parts, and who is the dearest.

A segment is rendered by what a launch renders with, streamed, so that memory does not grow with it.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lumiere_sms.audience.customers import require_one
from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally, audience_batches, freeze, link_of
from lumiere_sms.campaigns.texts import Wording
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.links import Link
from lumiere_sms.messages.previews import Preview, describe, preview_with_samples
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.templates import Category, StoredTemplate, find_template
from lumiere_sms.messages.values import LINK, snake_case, values_of
from lumiere_sms.providers.prices import country_of
from lumiere_sms.schedule.windows import SendWindows

_NEEDING_CONSENT = {Category.PROMOTIONAL, Category.REMINDER}  # campaigns of these types have a consent of their own


@dataclass(frozen=True, slots=True)
class SegmentPreview:
    """A template over a segment: `parts_of` counts recipients by the parts of their text."""

    matched: int
    exclusions: Mapping[str, int]
    recipients: int
    parts_of: Mapping[int, int]
    encodings: Mapping[str, int]
    parts: int
    cost: Money | None
    dearest_phone: str | None
    dearest: Preview | None


def preview_template(
    database: Database, tenant: Tenant, *, name: str, variables: Mapping[str, Any], customer: str | None, prices: Prices
) -> Preview:
    """Fill a template in for one customer (key, external id or phone), or with samples where none is named.

    Raises: StateError when template or customer are not there, RenderingError.
    """
    stored = find_template(database, tenant.id, name=name)
    template = compile_template(stored.content, name=name)
    if customer is None:
        price = _money(prices, tenant.country)
        own = {"sender_name": tenant.name, **_own_link(tenant)}
        given = own | {snake_case(each): value for each, value in variables.items()}
        return preview_with_samples(template, given=given, transliterate=stored.transliterate, price=price)
    with database.transaction(read_only=True) as connection:
        row = require_one(connection, tenant, customer)
    zone = row["timezone"] or tenant.timezone
    values = values_of(row, variables=variables, tenant_name=tenant.name, zone=zone, **_own_link(tenant))
    country = country_of(row["phone_number"] or "") or tenant.country
    return describe(template.render(values, transliterate=stored.transliterate), _money(prices, country))


def preview_segment(
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    segment: str,
    variables: Mapping[str, Any],
    prices: Prices,
    now: datetime,
    progress: Callable[[int], None],
) -> SegmentPreview:
    """Fill a template in for everybody of a segment who may get it; `progress` is told how many were seen so far.

    Raises: StateError when template or segment are not there.
    """
    stored = find_template(database, tenant.id, name=name)
    tally = _render_all(database, tenant, stored, segment=segment, variables=variables, now=now, progress=progress)
    parts_of, encodings = Counter[int](), Counter[str]()
    for (_, _, encoding, parts), count in tally.kept.items():
        parts_of[parts] += count
        encodings[encoding] += count
    return SegmentPreview(
        matched=tally.matched,
        exclusions=dict(tally.exclusions),
        recipients=tally.recipients,
        parts_of=dict(sorted(parts_of.items())),
        encodings=dict(encodings),
        parts=tally.parts,
        cost=Money(tally.cost(prices), currency) if (currency := tally.currency(prices)) else None,
        dearest_phone=tally.dearest and tally.dearest.phone_number,
        dearest=tally.dearest
        and describe(tally.dearest.personalized_content, _money(prices, country_of(tally.dearest.phone_number))),
    )


def _render_all(
    database: Database,
    tenant: Tenant,
    stored: StoredTemplate,
    *,
    segment: str,
    variables: Mapping[str, Any],
    now: datetime,
    progress: Callable[[int], None],
) -> Tally:
    """Render for everybody of a segment; the tally keeps no text but the dearest."""
    recipe, tally = recipe_of(tenant, stored, variables=variables, now=now), Tally()
    with database.transaction(read_only=True) as connection:
        query = readers_of(connection, tenant, stored, segment=segment, now=now)
        for batch in audience_batches(connection, query, columns=recipe.columns):
            deque(freeze(batch, recipe, tally), maxlen=0)
            progress(tally.matched)
    return tally


def recipe_of(tenant: Tenant, stored: StoredTemplate, *, variables: Mapping[str, Any], now: datetime) -> Recipe:
    """Return what a campaign with this template would make of each customer, at no particular time."""
    wordings = {"": Wording(compile_template(stored.content, name=stored.name), stored.transliterate)}
    return Recipe(
        wordings=wordings,
        link=link_of(wordings, variables, TenantRules.from_payload(tenant.rules)),
        variables=dict(variables),
        tenant_name=tenant.name,
        zone=tenant.timezone,
        windows=SendWindows(quiet=None),
        expires_after=None,
        wish=now,
    )


def readers_of(
    connection: Connection,
    tenant: Tenant,
    stored: StoredTemplate,
    *,
    segment: str,
    now: datetime,
    type_: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the query of a segment's people, as for a campaign of a type, or that of the template's category.

    Raises: StateError for a segment that is not there.
    """
    today = now.astimezone(ZoneInfo(tenant.timezone)).date()
    campaign_type = type_ or (stored.category if stored.category in _NEEDING_CONSENT else "blast")
    merges = "names" in compile_template(stored.content).variables
    about: dict[str, Any] = {"campaign_type": campaign_type, "today": today, "merges": merges}
    return audience_query(connection, tenant.id, target={"segment": segment}, **about)


def _own_link(tenant: Tenant) -> dict[str, str]:
    """Return the link that stands for everybody's own, where the business has an address for it."""
    base = TenantRules.from_payload(tenant.rules).opt_out_url
    return {LINK: Link(base).sample} if base else {}


def _money(prices: Prices, country: str) -> Money:
    price = prices(country)
    return Money(price.amount, price.currency)

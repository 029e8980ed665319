"""What a template says to one customer, and to the whole of a segment: how many parts, and who is the dearest.

A segment is rendered by what a launch renders with, streamed, so that memory does not grow with it.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lumiere_sms.audience.customers import require_customers
from lumiere_sms.audience.eligibility import audience_query
from lumiere_sms.campaigns.freezing import Prices, Recipe, Tally, audience_batches, freeze
from lumiere_sms.campaigns.texts import Wording
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.errors import StateError
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.previews import Preview, describe, preview_with_samples
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.templates import Category, StoredTemplate, attribute_names, find_template
from lumiere_sms.messages.values import FIELDS, snake_case, values_of
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
        given = {"sender_name": tenant.name, **{snake_case(each): value for each, value in variables.items()}}
        return preview_with_samples(template, given=given, transliterate=stored.transliterate, price=price)
    row = _customer(database, tenant, customer)
    values = values_of(row, variables=variables, tenant_name=tenant.name, zone=row["timezone"] or tenant.timezone)
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


def lint_stored(
    database: Database, tenant: Tenant, *, name: str, variables: Sequence[str], prices: Prices
) -> list[Finding]:
    """Lint a template; `variables` are those that campaigns give besides the declared ones. Raises: StateError."""
    stored = find_template(database, tenant.id, name=name)
    declared = [*stored.variables, *variables]
    return _lint(database, tenant, stored.content, declared=declared, transliterate=stored.transliterate, prices=prices)


def lint_text(
    database: Database, tenant: Tenant, text: str, *, variables: Sequence[str], transliterate: bool, prices: Prices
) -> list[Finding]:
    """Lint a text that is not a template yet."""
    return _lint(database, tenant, text, declared=variables, transliterate=transliterate, prices=prices)


def _lint(
    database: Database,
    tenant: Tenant,
    text: str,
    *,
    declared: Sequence[str],
    transliterate: bool,
    prices: Prices,
) -> list[Finding]:
    known = FIELDS | {snake_case(name) for name in attribute_names(database, tenant.id)}
    price = _money(prices, tenant.country)
    return lint_template(text, declared=declared, known=known, transliterate=transliterate, price=price)


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
    """Render for everybody of a segment, at no particular time; the tally keeps no text but the dearest."""
    recipe = Recipe(
        wordings={"": Wording(compile_template(stored.content, name=stored.name), stored.transliterate)},
        variables=dict(variables),
        tenant_name=tenant.name,
        zone=tenant.timezone,
        windows=SendWindows(quiet=None),
        expires_after=None,
        wish=now,
    )
    tally, today = Tally(), now.astimezone(ZoneInfo(tenant.timezone)).date()
    campaign_type = stored.category if stored.category in _NEEDING_CONSENT else "blast"
    with database.transaction(read_only=True) as connection:
        query = audience_query(
            connection, tenant.id, target={"segment": segment}, campaign_type=campaign_type, today=today
        )
        for batch in audience_batches(connection, query, columns=recipe.columns):
            deque(freeze(batch, recipe, tally), maxlen=0)
            progress(tally.matched)
    return tally


def _customer(database: Database, tenant: Tenant, key: str) -> dict[str, Any]:
    with database.transaction(read_only=True) as connection:
        found = require_customers(connection, tenant, key)
    if len(found) > 1:
        named = ", ".join(row["external_id"] or str(row["id"]) for row in found)
        raise StateError(f"{len(found)} customers have this phone number", hint=f"name one: {named}")
    return found[0]


def _money(prices: Prices, country: str) -> Money:
    price = prices(country)
    return Money(price.amount, price.currency)
